#include "store/shamir.h"

#include "base/random.h"

/* Carry-less multiplication, reduced; no table, no branch on a value. */
static uint8_t multiply(uint8_t a, uint8_t b)
{
	uint8_t product = 0;
	for (int bit = 0; bit < 8; bit++) {
		product ^= (uint8_t)(a & -(b & 1));
		uint8_t carry = (uint8_t)-(a >> 7);
		a = (uint8_t)(a << 1) ^ (carry & 0x1b);
		b >>= 1;
	}
	return product;
}

/* a^254: the inverse of a ≠ 0, since a^255 = 1. */
static uint8_t invert(uint8_t a)
{
	uint8_t result = 1, power = a;
	for (int bit = 1; bit < 8; bit++) {
		power = multiply(power, power);
		result = multiply(result, power);
	}
	return result;
}

/* The polynomial with these coefficients (lowest first) at x, by Horner's rule. */
static uint8_t evaluate(const uint8_t *coefficients, size_t count, uint8_t x)
{
	uint8_t value = 0;
	for (size_t i = count; i-- > 0;)
		value = multiply(value, x) ^ coefficients[i];
	return value;
}

/* Distinct random x ≠ 0: a shuffle of 1 … 255, of which the first `count` are used. */
static error *choose_x(uint8_t x[255])
{
	for (size_t i = 0; i < 255; i++)
		x[i] = (uint8_t)(i + 1);
	for (uint32_t i = 254; i > 0; i--) {
		uint32_t r;
		do {
			TRY(random_fill(&r, sizeof r));
		} while (r >= UINT32_MAX - UINT32_MAX % (i + 1));
		uint8_t other = x[r % (i + 1)];
		x[r % (i + 1)] = x[i];
		x[i] = other;
	}
	return NULL;
}

error *shamir_split(bytes secret, size_t count, size_t threshold, struct secret *shares)
{
	uint8_t x[255];
	CLEANUP(secret_free) struct secret coefficients = { 0 };
	if (threshold < 2 || threshold > count || count > 255)
		return error_new(ERROR_INVALID, "%zu of %zu shares: a threshold from 2 to the number of "
				 "shares, at most 255, is expected", threshold, count);
	TRY(choose_x(x));
	for (size_t i = 0; i < count; i++) {
		TRY(secret_new(secret.size + 1, &shares[i]));
		shares[i].data[secret.size] = x[i];
	}
	TRY(secret_new(threshold, &coefficients));
	for (size_t byte = 0; byte < secret.size; byte++) {
		TRY(random_fill(coefficients.data, threshold));
		coefficients.data[0] = secret.data[byte];
		for (size_t i = 0; i < count; i++)
			shares[i].data[byte] = evaluate(coefficients.data, threshold, x[i]);
	}
	return NULL;
}

static error *check_shares(const struct secret *shares, size_t count)
{
	size_t size = count ? shares[0].size : 0;
	bool seen[256] = { [0] = true };
	if (count < 2 || size < 2)
		return error_new(ERROR_INVALID, "%zu shares of %zu bytes can't be put together", count, size);
	for (size_t i = 0; i < count; i++) {
		if (shares[i].size != size)
			return error_new(ERROR_INVALID, "share %zu has %zu bytes, the first has %zu", i + 1,
					 shares[i].size, size);
		if (seen[shares[i].data[size - 1]])
			return error_new(ERROR_INVALID, "share %zu has an x that is zero or that another "
					 "share has", i + 1);
		seen[shares[i].data[size - 1]] = true;
	}
	return NULL;
}

/* Lagrange's basis polynomial of share i at 0: the product of x_j / (x_j - x_i). */
static uint8_t weight(const struct secret *shares, size_t count, size_t i)
{
	size_t at = shares[0].size - 1;
	uint8_t product = 1;
	for (size_t j = 0; j < count; j++) {
		uint8_t xj = shares[j].data[at], difference = xj ^ shares[i].data[at];
		if (j != i)
			product = multiply(product, multiply(xj, invert(difference)));
	}
	return product;
}

error *shamir_combine(const struct secret *shares, size_t count, struct secret *ret)
{
	CLEANUP(secret_free) struct secret secret = { 0 };
	TRY(check_shares(shares, count));
	TRY(secret_new(shares[0].size - 1, &secret));
	for (size_t i = 0; i < count; i++) {
		uint8_t factor = weight(shares, count, i);
		for (size_t byte = 0; byte < secret.size; byte++)
			secret.data[byte] ^= multiply(shares[i].data[byte], factor);
	}
	*ret = secret_take(&secret);
	return NULL;
}
