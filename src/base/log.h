/* Events for the operator, one line each, on standard error. Only edges log. Never a secret. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum log_level { LOG_DEBUG_LEVEL, LOG_INFO_LEVEL, LOG_WARNING_LEVEL, LOG_ERROR_LEVEL };
enum log_format { LOG_TEXT, LOG_JSON };

struct log_field {
	const char *name; /* NULL ends the list */
	const char *text; /* NULL: `number` is meant */
	int64_t number;
};

#define LOG_TEXT_FIELD(name, value) ((struct log_field){ (name), (value) ? (value) : "", 0 })
#define LOG_NUMBER_FIELD(name, value) ((struct log_field){ (name), NULL, (value) })
#define LOG_ERROR_FIELD(e) LOG_TEXT_FIELD("error", error_message(e))

/* To be called once, before any thread is started. */
void log_setup(enum log_format format, enum log_level least);
bool log_enabled(enum log_level level);
void log_fields(enum log_level level, const char *event, const struct log_field *fields);

#define log_event(level, event, ...)                                                               \
	log_fields(level, event, (const struct log_field[]){ __VA_ARGS__ __VA_OPT__(,) { 0 } })
#define log_debug(event, ...) log_event(LOG_DEBUG_LEVEL, event, __VA_ARGS__)
#define log_info(event, ...) log_event(LOG_INFO_LEVEL, event, __VA_ARGS__)
#define log_warning(event, ...) log_event(LOG_WARNING_LEVEL, event, __VA_ARGS__)
#define log_error(event, ...) log_event(LOG_ERROR_LEVEL, event, __VA_ARGS__)
