#include "failing_malloc.h"

static size_t countdown;
static int failed;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);

void fail_allocation(size_t n)
{
	countdown = n;
	failed = 0;
}

int allocation_failed(void)
{
	return failed;
}

static int fails(void)
{
	if (countdown > 1)
		countdown--;
	else if (countdown == 1)
		failed = 1;
	return countdown == 1 && failed;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}
