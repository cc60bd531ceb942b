#include "cli/prompt.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

static bool has_terminal(void)
{
	int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (terminal >= 0)
		close(terminal);
	return terminal >= 0;
}

error *prompt_secret(const char *question, const char *instead, struct secret *ret)
{
	char text[PROMPT_MAX] = { 0 };
	if (!has_terminal())
		return error_new(ERROR_UNAUTHENTICATED, "there is no terminal to ask on: %s", instead);
	if (EVP_read_pw_string(text, sizeof text, question, 0) != 0)
		return error_new(ERROR_UNAUTHENTICATED, "nothing was entered: %s", instead);
	error *e = secret_copy(bytes_of_string(text), ret);
	explicit_bzero(text, sizeof text);
	return e;
}
