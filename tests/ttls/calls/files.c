/* Streams of the C library, and files that the kernel sends. */
#include "calls.h"

static void streams(void)
{
	int c, s;
	char line[100];
	make_pair(&c, &s, true);
	FILE *in = fdopen(s, "r"), *out = fdopen(dup(s), "w");
	SAY(fileno(in) == s);
	SAY(dprintf(c, "%s %d\n", "line", 1));
	SAY(fgets(line, sizeof line, in) == line && strcmp(line, "line 1\n") == 0);
	SAY(dprintf(c, "42 rest\nnext"));
	int number = 0;
	SAY(fscanf(in, "%d", &number));
	SAY(number);
	SAY(ungetc('!', in) == '!');
	SAY(fgetc(in) == '!');
	SAY(fread(line, 1, 10, in));
	SAY(fprintf(out, "%s\n", "reply"));
	SAY(recv(c, text, 100, MSG_DONTWAIT));
	SAY(fflush(out));
	SAY(recv(c, text, 100, 0));
	SAY(fputs("unflushed", out) >= 0);
	SAY(fclose(out));
	SAY(recv(c, text, 100, 0));
	SAY(shutdown(c, SHUT_WR));
	SAY(fgetc(in));
	SAY(feof(in) != 0);
	SAY(ferror(in));
	SAY(fclose(in));
	SAY(fcntl(s, F_GETFD));
}

static void files(void)
{
	int c, s, file = open("/proc/self/exe", O_RDONLY), ends[2];
	off_t at = 5;
	make_pair(&c, &s, true);
	SAY(sendfile(c, file, &at, 100));
	SAY(at);
	SAY(lseek(file, 0, SEEK_CUR));
	SAY(sendfile(c, file, NULL, 10));
	SAY(lseek(file, 0, SEEK_CUR));
	lseek(file, -3, SEEK_END);
	SAY(sendfile(c, file, NULL, 100));
	SAY(sendfile(c, file, NULL, 100));
	SAY(sendfile(c, -1, NULL, 100));
	SAY(sendfile(c, s, NULL, 100));
	SAY(sendfile(c, file, NULL, 0));
	SAY(recv(s, text, 113, MSG_WAITALL));
	SAY(pipe(ends));
	SAY(tee(s, ends[1], 10, 0));
	SAY(copy_file_range(file, NULL, c, NULL, 10, 0));
}

const struct scenario files_scenarios[] = {
	SCENARIO(streams), SCENARIO(files), { 0 },
};
