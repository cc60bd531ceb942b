/* Connections in messages between processes. */
#pragma once
#include <sys/socket.h>

/* As sendmsg on a socket that is no connection. EAGAIN, too, when a connection among the descriptors does not wait and
 * its handshake is under way. */
ssize_t rights_send(int fd, const struct msghdr *message, int flags);
/* After a recvmsg with these flags. */
void rights_received(struct msghdr *message, int flags);
