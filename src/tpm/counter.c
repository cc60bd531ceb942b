#include "tpm/counter.h"

#include <stdlib.h>
#include <string.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>

#include "base/random.h"
#include "base/reader.h"

/* Indices of owners: TCG, "Registry of Reserved TPM 2.0 Handles and Localities", section 2.2.2. */
enum { INDEX_FIRST = 0x01814d00, INDEX_COUNT = 256 };

struct tpm_counter {
	TSS2_TCTI_CONTEXT *tcti;
	ESYS_CONTEXT *esys;
	ESYS_TR primary; /* a storage key, for salted sessions */
	ESYS_TR index;   /* ESYS_TR_NONE: none in use */
};

static error *tpm_error(TSS2_RC code, const char *what)
{
	return error_new(ERROR_UNAVAILABLE, "TPM: %s: %s", what, Tss2_RC_Decode(code));
}

/* The storage key of the owner hierarchy: ECC P-256, as TCG's "EK and SRK template" has it. */
static error *create_primary(struct tpm_counter *c)
{
	TPM2B_PUBLIC template = { .publicArea = {
		.type = TPM2_ALG_ECC,
		.nameAlg = TPM2_ALG_SHA256,
		.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
				    TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH |
				    TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT,
		.parameters.eccDetail = {
			.symmetric = { .algorithm = TPM2_ALG_AES, .keyBits.aes = 128,
				       .mode.aes = TPM2_ALG_CFB },
			.scheme.scheme = TPM2_ALG_NULL,
			.curveID = TPM2_ECC_NIST_P256,
			.kdf.scheme = TPM2_ALG_NULL,
		},
	} };
	TPM2B_SENSITIVE_CREATE sensitive = { 0 };
	TPM2B_DATA outside = { 0 };
	TPML_PCR_SELECTION none = { 0 };
	TSS2_RC code = Esys_CreatePrimary(c->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
					  &sensitive, &template, &outside, &none, &c->primary, NULL, NULL, NULL,
					  NULL);
	return code ? tpm_error(code, "making a storage key") : NULL;
}

error *tpm_counter_open(const char *tcti, struct tpm_counter **ret)
{
	CLEANUP(tpm_counter_close) struct tpm_counter *c = calloc(1, sizeof *c);
	TRY_ALLOC(c);
	c->primary = c->index = ESYS_TR_NONE;
	TSS2_RC code = Tss2_TctiLdr_Initialize(tcti, &c->tcti);
	if (code)
		return tpm_error(code, tcti);
	code = Esys_Initialize(&c->esys, c->tcti, NULL);
	if (code)
		return tpm_error(code, tcti);
	/* A resource manager has done it already, a bare TPM may wait for it. */
	code = Esys_Startup(c->esys, TPM2_SU_CLEAR);
	if (code && code != TPM2_RC_INITIALIZE)
		return tpm_error(code, "starting up");
	TRY(create_primary(c));
	*ret = TAKE(c);
	return NULL;
}

void tpm_counter_close(struct tpm_counter *c)
{
	if (!c)
		return;
	if (c->esys && c->primary != ESYS_TR_NONE)
		Esys_FlushContext(c->esys, c->primary);
	if (c->esys)
		Esys_Finalize(&c->esys);
	if (c->tcti)
		Tss2_TctiLdr_Finalize(&c->tcti);
	free(c);
}

/* An HMAC session whose key only the TPM and we know; it ends with the command. */
static error *begin_session(struct tpm_counter *c, ESYS_TR *ret)
{
	TPMT_SYM_DEF symmetric = { .algorithm = TPM2_ALG_AES, .keyBits.aes = 128, .mode.aes = TPM2_ALG_CFB };
	TPMA_SESSION attributes = TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT;
	ESYS_TR session;
	TSS2_RC code = Esys_StartAuthSession(c->esys, c->primary, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
					     ESYS_TR_NONE, NULL, TPM2_SE_HMAC, &symmetric, TPM2_ALG_SHA256,
					     &session);
	if (!code)
		code = Esys_TRSess_SetAttributes(c->esys, session, attributes, 0xff);
	if (code)
		return tpm_error(code, "starting a session");
	*ret = session;
	return NULL;
}

static void end_session(struct tpm_counter *c, ESYS_TR session)
{
	Esys_FlushContext(c->esys, session);
}

static error *auth_value(bytes auth, TPM2B_AUTH *ret)
{
	if (auth.size != TPM_COUNTER_AUTH_SIZE)
		return error_new(ERROR_INVALID, "TPM: an authorization value of %d bytes is expected",
				 TPM_COUNTER_AUTH_SIZE);
	ret->size = TPM_COUNTER_AUTH_SIZE;
	memcpy(ret->buffer, auth.data, auth.size);
	return NULL;
}

static TSS2_RC define(struct tpm_counter *c, ESYS_TR session, uint32_t index, const TPM2B_AUTH *auth)
{
	TPM2B_NV_PUBLIC public = { .nvPublic = {
		.nvIndex = index,
		.nameAlg = TPM2_ALG_SHA256,
		.attributes = TPMA_NV_AUTHWRITE | TPMA_NV_AUTHREAD | TPMA_NV_NO_DA |
			      (TPM2_NT_COUNTER << TPMA_NV_TPM2_NT_SHIFT),
		.dataSize = 8,
	} };
	return Esys_NV_DefineSpace(c->esys, ESYS_TR_RH_OWNER, session, ESYS_TR_NONE, ESYS_TR_NONE, auth, &public,
				   &c->index);
}

error *tpm_counter_provision(struct tpm_counter *c, bytes auth, uint32_t *ret_index)
{
	TPM2B_AUTH value = { 0 };
	uint8_t start;
	TSS2_RC code = TPM2_RC_NV_DEFINED;
	TRY(auth_value(auth, &value));
	TRY(random_fill(&start, sizeof start));
	uint32_t index = 0;
	for (uint32_t i = 0; i < INDEX_COUNT && (code & 0xfff) == TPM2_RC_NV_DEFINED; i++) {
		ESYS_TR session;
		index = INDEX_FIRST + (start + i) % INDEX_COUNT;
		TRY(begin_session(c, &session));
		code = define(c, session, index, &value);
		end_session(c, session);
	}
	if (!code)
		code = Esys_TR_SetAuth(c->esys, c->index, &value);
	if (code)
		return tpm_error(code, "making a counter");
	TRY(tpm_counter_increment(c)); /* before, it can't be read */
	*ret_index = index;
	return NULL;
}

error *tpm_counter_use(struct tpm_counter *c, uint32_t index, bytes auth)
{
	TPM2B_AUTH value = { 0 };
	TRY(auth_value(auth, &value));
	TSS2_RC code = Esys_TR_FromTPMPublic(c->esys, index, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &c->index);
	if (code)
		return error_recode(tpm_error(code, "looking for the counter"), ERROR_NOT_FOUND);
	code = Esys_TR_SetAuth(c->esys, c->index, &value);
	return code ? tpm_error(code, "using the counter") : NULL;
}

error *tpm_counter_read(struct tpm_counter *c, uint64_t *ret)
{
	ESYS_TR session;
	TPM2B_MAX_NV_BUFFER *data = NULL;
	TRY(begin_session(c, &session));
	TSS2_RC code = Esys_NV_Read(c->esys, c->index, c->index, session, ESYS_TR_NONE, ESYS_TR_NONE, 8, 0, &data);
	end_session(c, session);
	if (code)
		return tpm_error(code, "reading the counter");
	struct reader r = reader_of(bytes_of(data->buffer, data->size));
	uint64_t value = read_be64(&r);
	error *e = reader_finish(&r, "TPM counter");
	Esys_Free(data);
	TRY(e);
	*ret = value;
	return NULL;
}

error *tpm_counter_increment(struct tpm_counter *c)
{
	ESYS_TR session;
	TRY(begin_session(c, &session));
	TSS2_RC code = Esys_NV_Increment(c->esys, c->index, c->index, session, ESYS_TR_NONE, ESYS_TR_NONE);
	end_session(c, session);
	return code ? tpm_error(code, "raising the counter") : NULL;
}
