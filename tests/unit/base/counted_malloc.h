/* Counts the bytes of heap that a program holds, its libraries' too: this malloc takes the place of the C
 * library's. Not together with a sanitizer, which has a malloc of its own. */
#pragma once

/* Bytes that are held now. */
long heap_held(void);
/* Begins to note the most bytes that are held at a time, from now. */
void heap_watch(void);
/* The most bytes that were held since heap_watch, beyond those that were held then. */
long heap_most(void);
