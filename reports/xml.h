/* Writing XML that is right by construction: libxml2's writer escapes all text, this adds what it
 * lacks (characters that XML has no place for become U+FFFD, elements of HTML that may not close
 * themselves) and turns many error codes into one sticky flag.
 */
#ifndef ACKPROOF_REPORTS_XML_H
#define ACKPROOF_REPORTS_XML_H

#include <libxml/xmlwriter.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct xml {
    xmlTextWriterPtr w;
    xmlBufferPtr buffer;
    bool failed; /* of memory; everything after it is dropped */
};

bool xml_begin(struct xml *x);
/* Ends the document and writes it to a new file beside `path`, then renames. False: the reason was
 * printed to err. Frees everything in any case. */
bool xml_finish(struct xml *x, const char *path, FILE *err);

void xml_declaration(struct xml *x); /* <?xml ...?>, for JUnit */
void xml_html_doctype(struct xml *x);
void xml_open(struct xml *x, const char *element);
/* Closes with an end tag even where the element is empty: HTML has no <div/>. */
void xml_close(struct xml *x);
/* <br/>, <meta .../>, SVG shapes: closes as an empty element where nothing was written. */
void xml_close_void(struct xml *x);
void xml_attr(struct xml *x, const char *name, const char *value);
void xml_attr_format(struct xml *x, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void xml_text(struct xml *x, const char *text);
void xml_format(struct xml *x, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Unescaped; for the style sheet and the script, which hold no '<' and no '&'. */
void xml_raw(struct xml *x, const char *text);
/* <element>text</element>, with class="..." where klass is not NULL. */
void xml_element(struct xml *x, const char *element, const char *klass, const char *text);
void xml_open_class(struct xml *x, const char *element, const char *klass);

#endif
