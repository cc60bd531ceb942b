/* What the table says, for those who watch. */
#pragma once
#include <stdio.h>
#include <string.h>

#include "base/writer.h"
#include "telemetry/table.h"

/* Of the table, whose texts end at a NUL or their place's end. */
static inline bytes telemetry_text(const char *text, size_t size)
{
	return bytes_of(text, strnlen(text, size));
}

/* "address:port", "*:port"; empty for what no entry names. */
enum { TELEMETRY_ADDRESS = TELEMETRY_TEXT + 16 };
static inline void telemetry_address(const struct telemetry_place *place, char ret[TELEMETRY_ADDRESS])
{
	*ret = '\0';
	if (place->port)
		snprintf(ret, TELEMETRY_ADDRESS, "%.*s:%u", TELEMETRY_TEXT, *place->address ? place->address : "*",
			 place->port);
}

/* Prometheus' text format 0.0.4. Names: Istio's for TCP ("Istio Standard Metrics"; its `sent` is what the server sent,
 * whoever reports), Linkerd's for authorization ("Proxy Metrics"), and our own. */
void telemetry_write_metrics(const struct telemetry *t, struct writer *w);
/* The same as JSON, one line for each entry of the policy and peer type. */
void telemetry_write_lines(const struct telemetry *t, struct writer *w);
/* A line of the access log. */
void telemetry_write_entry(const struct telemetry *t, const struct telemetry_entry *entry, struct writer *w);
