#include "attest/sim/documents.h"

#include <time.h>

#include "codec/hex.h"
#include "codec/json.h"

const uint8_t sim_fmspc[6] = { 0x51, 0x4d, 0x00, 0x00, 0x00, 0x00 };
const uint8_t sim_qe_signer[32] = { 's', 'i', 'm', 'u', 'l', 'a', 't', 'e', 'd', ' ', 'Q', 'E' };

static void write_time(struct writer *w, const char *name, int64_t seconds)
{
	time_t t = (time_t)seconds;
	struct tm parts;
	char text[32];
	gmtime_r(&t, &parts);
	strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
	write_format(w, "\"%s\":\"%s\",", name, text);
}

static void write_validity(struct writer *w, struct sim_validity validity)
{
	write_time(w, "issueDate", validity.now);
	write_time(w, "nextUpdate", validity.now + (int64_t)validity.days * 86400);
}

static void write_level(struct writer *w, int svn, enum marblerun_tcb_status status,
			const char *const *advisories, size_t count, int64_t date)
{
	write_string(w, "{\"tcb\":{\"sgxtcbcomponents\":[");
	for (int i = 0; i < 16; i++)
		write_format(w, "%s{\"svn\":%d}", i ? "," : "", svn);
	write_format(w, "],\"pcesvn\":%d},", SIM_PCE_SVN);
	write_time(w, "tcbDate", date);
	write_format(w, "\"tcbStatus\":\"%s\"", marblerun_tcb_status_name(status));
	for (size_t i = 0; i < count; i++) {
		write_string(w, i ? "," : ",\"advisoryIDs\":[");
		write_json_string(w, bytes_of_string(advisories[i]));
	}
	write_string(w, count ? "]}" : "}");
}

/* {"<name>": body, "signature": …} */
static error *write_signed(const char *folder, const char *file, const char *name, struct writer *body,
			   EVP_PKEY *signer)
{
	CLEANUP(writer_free) struct writer document = { 0 };
	uint8_t signature[64];
	TRY(writer_check(body, file));
	TRY(sim_sign(signer, writer_view(body), signature));
	write_format(&document, "{\"%s\":", name);
	write_bytes(&document, writer_view(body));
	write_string(&document, ",\"signature\":\"");
	write_hex(&document, BYTES_OF_ARRAY(signature));
	write_string(&document, "\"}");
	TRY(writer_check(&document, file));
	return sim_write(folder, file, writer_view(&document), 0644);
}

enum { RECOVERY_AGE = 30 * 86400 }; /* seconds since the TCB recovery that made a level old */

error *sim_write_tcb_info(const char *folder, enum marblerun_tcb_status status,
			  const char *const *advisories, size_t advisory_count, EVP_PKEY *signer,
			  struct sim_validity validity)
{
	CLEANUP(writer_free) struct writer body = { 0 };
	write_string(&body, "{\"id\":\"SGX\",\"version\":3,");
	write_validity(&body, validity);
	write_string(&body, "\"fmspc\":\"");
	write_hex(&body, BYTES_OF_ARRAY(sim_fmspc));
	write_string(&body, "\",\"pceId\":\"0000\",\"tcbType\":0,\"tcbEvaluationDataNumber\":1,"
			    "\"tcbLevels\":[");
	if (status != MARBLERUN_TCB_UP_TO_DATE) {
		write_level(&body, SIM_COMPONENT_SVN + 1, MARBLERUN_TCB_UP_TO_DATE, NULL, 0, validity.now);
		write_string(&body, ",");
	}
	write_level(&body, SIM_COMPONENT_SVN, status, advisories, advisory_count,
		    validity.now - RECOVERY_AGE);
	write_string(&body, "]}");
	return write_signed(folder, "tcb_info.json", "tcbInfo", &body, signer);
}

error *sim_write_qe_identity(const char *folder, EVP_PKEY *signer, struct sim_validity validity)
{
	CLEANUP(writer_free) struct writer body = { 0 };
	write_string(&body, "{\"id\":\"QE\",\"version\":2,");
	write_validity(&body, validity);
	write_string(&body, "\"tcbEvaluationDataNumber\":1,\"miscselect\":\"00000000\","
			    "\"miscselectMask\":\"FFFFFFFF\","
			    "\"attributes\":\"11000000000000000000000000000000\","
			    "\"attributesMask\":\"FBFFFFFFFFFFFFFF0000000000000000\",\"mrsigner\":\"");
	write_hex(&body, BYTES_OF_ARRAY(sim_qe_signer));
	write_format(&body, "\",\"isvprodid\":%d,\"tcbLevels\":[{\"tcb\":{\"isvsvn\":%d},", SIM_QE_PRODUCT,
		     SIM_QE_SVN);
	write_time(&body, "tcbDate", validity.now - RECOVERY_AGE);
	write_string(&body, "\"tcbStatus\":\"UpToDate\"}]}");
	return write_signed(folder, "qe_identity.json", "enclaveIdentity", &body, signer);
}
