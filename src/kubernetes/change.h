/* A change of the cluster that can be undone: it only makes objects, and knows which. */
#pragma once
#include "kubernetes/object.h"

enum { CHANGE_OBJECTS_MAX = 32 };

struct kube_change {
	struct kube_client *client;
	struct made {
		json_t *object; /* as it was sent */
		char *uid;      /* NULL: the server never said, and perhaps it was not made */
	} made[CHANGE_OBJECTS_MAX];
	size_t count;
};
/* Makes an object that was not there when somebody looked. Whatever fails, it may have been made: an answer can be
 * lost, and the same request be refused the second time. Only a conflict is surely about an object of others, and so is
 * one that was there already, made by the same program at the same time. */
error *kube_change_make(struct kube_change *change, const json_t *object) MUST_USE;
/* Deletes all that was made, last first, whatever fails; the error names what is left. No interruption stops it. */
error *kube_change_undo(struct kube_change *change) MUST_USE;
void kube_change_free(struct kube_change *change);
DEFINE_CLEANUP_IN_PLACE(kube_change_free, struct kube_change)
