#include "reports/document.h"

#include <assert.h>
#include <string.h>

struct report_counts report_summary(const struct report *r)
{
    assert(r != NULL);
    struct report_counts n = {0};
    uint32_t class[CELL_CLASSES] = {0};
    size_t i;
    size_t k;
    json_t *x;
    json_t *y;
    n.scenarios = (uint32_t)json_array_size(doc_list(r->root, "scenarios"));
    json_array_foreach(doc_list(r->root, "cells"), i, x)
    {
        class[doc_cell_class(x)]++;
        n.cells++;
    }
    n.as_expected = class[CELL_AS_EXPECTED];
    n.differ = class[CELL_DIFFERS];
    n.not_exercised = class[CELL_NOT_EXERCISED];
    n.unfinished = class[CELL_UNFINISHED];
    n.no_expectation = class[CELL_NO_EXPECTATION];
    json_array_foreach(doc_list(r->root, "live"), i, x)
    {
        json_array_foreach(doc_list(x, "cells"), k, y)
        {
            n.live += verdict_find(doc_text(y, "simulated")) <= VERDICT_BREAKS &&
                      verdict_find(doc_text(y, "live")) <= VERDICT_BREAKS;
            n.live_differ += doc_live_differs(y);
        }
    }
    assert(n.as_expected + n.differ + n.not_exercised + n.unfinished + n.no_expectation == n.cells);
    return n;
}

bool report_as_expected(const struct report *r)
{
    struct report_counts n = report_summary(r);
    return n.differ == 0 && n.not_exercised == 0 && n.unfinished == 0;
}
