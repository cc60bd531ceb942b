/* Secrets to upload. */
#pragma once
#include "codec/json.h"

/* {name: {"Key": base64} | {"Cert": base64, "Private": base64}} as it is, or made of PEM when `name` is
 * not NULL: the first certificate and the first private key. */
error *secret_file_parse(bytes text, const char *what, const char *name, json_t **ret) MUST_USE;
