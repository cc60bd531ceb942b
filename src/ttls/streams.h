/* stdio on sockets. The C library's own streams write past every function that we put before it: so a stream on
 * an internet socket is one of ours. */
#pragma once

/* Standard stream number `fd` (0 to 2) is on a connection now. */
void streams_follow(int fd);
/* It no longer is. */
void streams_restore(int fd);
