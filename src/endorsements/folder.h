/* Endorsements from a folder, read again when its files change, shared by all requests. */
#pragma once
#include "attest/endorsements.h"

struct endorsement_folder;
error *endorsement_folder_open(const char *path, struct endorsement_folder **ret) MUST_USE;
struct endorsements endorsement_folder_use(struct endorsement_folder *folder);
void endorsement_folder_close(struct endorsement_folder *folder);
DEFINE_CLEANUP(endorsement_folder_close, struct endorsement_folder *)
