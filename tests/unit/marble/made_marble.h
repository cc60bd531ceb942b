/* Marbles as an activation would make them, without a coordinator. */
#pragma once
#include "marble/marble.h"
#include "pki/ca.h"

#define MADE_UUID "0b8e3c2a-5a4f-4c3e-9d1b-6f7a8b9c0d1e"

void made_mesh(struct ca *ret);
/* What an activation delivers: the four variables, and what the test adds. */
struct marblerun_parameters *made_parameters(const struct ca *ca, const char *uuid, const char *type,
					     const char *names);
marblerun_marble *made_marble(const struct ca *ca, const char *type, const char *names);
/* The value of a variable among them. */
struct marblerun_named_value *made_value(struct marblerun_parameters *parameters, const char *name);
void made_replace(struct marblerun_parameters *parameters, const char *name, const char *value);
/* A certificate of the mesh for this UUID and type, whatever they are. */
X509 *made_certificate(const struct ca *ca, EVP_PKEY *key, const char *uuid, const char *type, const char *names);
