#pragma once
#include "net/connection.h"

/* A connection is closed and freed; when it was the last of a stopping server, that is drained. */
void server_connection_gone(struct http_server *server);
