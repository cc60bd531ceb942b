/* A small world for templates to look at: secrets, reserved certificates, texts and numbers, as a
 * manifest's templates see them. The expectations in conformance.json were made with the same. */
#pragma once
#include "template/template.h"

extern const struct template_scope model_scope;
struct value model_dot(void);
