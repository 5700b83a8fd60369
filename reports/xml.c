#include "reports/xml.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "reports/document.h"

static void check(struct xml *x, int code)
{
    x->failed = x->failed || code < 0;
}

bool xml_begin(struct xml *x)
{
    assert(x != NULL);
    memset(x, 0, sizeof *x);
    x->buffer = xmlBufferCreate();
    x->w = x->buffer != NULL ? xmlNewTextWriterMemory(x->buffer, 0) : NULL;
    x->failed = x->w == NULL;
    return !x->failed;
}

static bool save(const xmlBuffer *buffer, const char *path)
{
    int length = xmlBufferLength(buffer);
    return length >= 0 && write_file(path, (const char *)xmlBufferContent(buffer), (size_t)length);
}

bool xml_finish(struct xml *x, const char *path, FILE *err)
{
    assert(x != NULL && path != NULL && err != NULL);
    if (x->w != NULL) {
        check(x, xmlTextWriterEndDocument(x->w));
        xmlFreeTextWriter(x->w); /* flushes into the buffer */
    }
    bool ok = !x->failed;
    if (!ok)
        fprintf(err, "%s: out of memory\n", path);
    else if (!save(x->buffer, path)) {
        fprintf(err, "%s: cannot be written: %s\n", path, strerror(errno));
        ok = false;
    }
    if (x->buffer != NULL)
        xmlBufferFree(x->buffer);
    memset(x, 0, sizeof *x);
    return ok;
}

void xml_declaration(struct xml *x)
{
    if (!x->failed)
        check(x, xmlTextWriterStartDocument(x->w, "1.0", "UTF-8", NULL));
}

void xml_html_doctype(struct xml *x)
{
    xml_raw(x, "<!DOCTYPE html>\n");
}

void xml_open(struct xml *x, const char *element)
{
    if (!x->failed)
        check(x, xmlTextWriterStartElement(x->w, BAD_CAST element));
}

void xml_close(struct xml *x)
{
    if (!x->failed)
        check(x, xmlTextWriterFullEndElement(x->w));
}

void xml_close_void(struct xml *x)
{
    if (!x->failed)
        check(x, xmlTextWriterEndElement(x->w));
}

/* XML 1.0 admits of the controls only tab, line feed and carriage return, and neither U+FFFE nor
 * U+FFFF. U+007F..U+009F are admitted, but HTML forbids them. */
static char *admitted(const char *text)
{
    size_t len = strlen(text);
    char *clean = malloc(len * 3 + 1);
    if (clean == NULL)
        return NULL;
    size_t used = 0;
    for (size_t i = 0; i < len;) {
        const unsigned char *p = (const unsigned char *)text + i;
        bool control =
            (p[0] < 0x20 && p[0] != '\t' && p[0] != '\n' && p[0] != '\r') || p[0] == 0x7f;
        bool c1 = p[0] == 0xc2 && p[1] < 0xa0;
        bool none = p[0] == 0xef && p[1] == 0xbf && (p[2] == 0xbe || p[2] == 0xbf);
        size_t skip = none ? 3 : c1 ? 2 : 1;
        if (control || c1 || none) {
            memcpy(clean + used, "\xef\xbf\xbd", 3);
            used += 3;
        } else {
            clean[used++] = text[i];
        }
        i += skip;
    }
    clean[used] = '\0';
    return clean;
}

void xml_attr(struct xml *x, const char *name, const char *value)
{
    char *clean = admitted(value);
    x->failed = x->failed || clean == NULL;
    if (!x->failed)
        check(x, xmlTextWriterWriteAttribute(x->w, BAD_CAST name, BAD_CAST clean));
    free(clean);
}

void xml_text(struct xml *x, const char *text)
{
    char *clean = admitted(text);
    x->failed = x->failed || clean == NULL;
    if (!x->failed)
        check(x, xmlTextWriterWriteString(x->w, BAD_CAST clean));
    free(clean);
}

static char *format_text(const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, again);
    va_end(again);
    char *text = n >= 0 ? malloc((size_t)n + 1) : NULL;
    if (text != NULL)
        vsnprintf(text, (size_t)n + 1, format, args);
    return text;
}

void xml_attr_format(struct xml *x, const char *name, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = format_text(format, args);
    va_end(args);
    x->failed = x->failed || text == NULL;
    if (!x->failed)
        xml_attr(x, name, text);
    free(text);
}

void xml_format(struct xml *x, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = format_text(format, args);
    va_end(args);
    x->failed = x->failed || text == NULL;
    if (!x->failed)
        xml_text(x, text);
    free(text);
}

void xml_raw(struct xml *x, const char *text)
{
    if (!x->failed)
        check(x, xmlTextWriterWriteRaw(x->w, BAD_CAST text));
}

void xml_open_class(struct xml *x, const char *element, const char *klass)
{
    xml_open(x, element);
    if (klass != NULL)
        xml_attr(x, "class", klass);
}

void xml_element(struct xml *x, const char *element, const char *klass, const char *text)
{
    xml_open_class(x, element, klass);
    xml_text(x, text);
    xml_close(x);
}
