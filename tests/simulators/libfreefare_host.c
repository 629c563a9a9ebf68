// SPDX-License-Identifier: Apache-2.0
// A host of its own on libfreefare: EV1 AES authentication, MACed and enciphered files, debit, record, commit.
// Prints one line per step; exit status 0 only when all of them did what they should.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <freefare.h>
#include <nfc/nfc.h>

enum { STANDARD = 1, BACKUP = 2, WALLET = 3, PASSAGES = 4 };

static int failures = 0;

static void step(const char *name, int good)
{
    printf("%s %s\n", good ? "ok" : "FAILED", name);
    failures += !good;
}

static MifareDESFireKey key_of(uint8_t filler, uint8_t version)
{
    uint8_t bytes[16];
    memset(bytes, filler, sizeof bytes);
    return mifare_desfire_aes_key_new_with_version(bytes, version);
}

static void wrong_key(MifareTag tag, MifareDESFireAID aid)
{
    MifareDESFireKey wrong = key_of(0xEE, 0);
    step("select", mifare_desfire_select_application(tag, aid) == 0);
    step("wrong key is refused", mifare_desfire_authenticate_aes(tag, 1, wrong) < 0);
    step("with AE", mifare_desfire_last_picc_error(tag) == AUTHENTICATION_ERROR);
    mifare_desfire_key_free(wrong);
}

static void transaction(MifareTag tag, MifareDESFireAID aid, MifareDESFireKey gate)
{
    uint8_t read[64] = {0};
    uint8_t usage[32];
    int32_t value = 0;
    memset(usage, 'U', sizeof usage);

    step("select again", mifare_desfire_select_application(tag, aid) == 0);
    step("authenticate", mifare_desfire_authenticate_aes(tag, 1, gate) == 0);
    step("MACed read", mifare_desfire_read_data(tag, STANDARD, 0, 12, read) == 12);
    step("content", memcmp(read, "signed claim", 12) == 0);
    step("enciphered write", mifare_desfire_write_data(tag, BACKUP, 0, 32, usage) == 32);
    step("not visible yet", mifare_desfire_read_data(tag, BACKUP, 0, 32, read) == 32 && read[0] == 0);
    step("debit", mifare_desfire_debit(tag, WALLET, 1500) == 0);
    step("old value", mifare_desfire_get_value(tag, WALLET, &value) == 0 && value == 5000);
    step("record", mifare_desfire_write_record(tag, PASSAGES, 0, 16, usage) == 16);
    step("commit", mifare_desfire_commit_transaction(tag) == 0);
    step("new value", mifare_desfire_get_value(tag, WALLET, &value) == 0 && value == 3500);
    step("visible now", mifare_desfire_read_data(tag, BACKUP, 0, 32, read) == 32 && memcmp(read, usage, 32) == 0);
    step("record is there", mifare_desfire_read_records(tag, PASSAGES, 0, 1, read) == 16 && read[15] == 'U');
    step("credit is not ours", mifare_desfire_credit(tag, WALLET, 1) < 0);
    step("with AE too", mifare_desfire_last_picc_error(tag) == AUTHENTICATION_ERROR);
}

static void administration(MifareTag tag, MifareDESFireAID aid, MifareDESFireKey master)
{
    MifareDESFireKey fresh = key_of(0x77, 3);
    MifareDESFireKey old = key_of(0x02, 0);
    struct mifare_desfire_file_settings settings;
    uint8_t *files = NULL;
    uint8_t version = 0;
    size_t count = 0;

    step("select for keys", mifare_desfire_select_application(tag, aid) == 0);
    step("authenticate master", mifare_desfire_authenticate_aes(tag, 0, master) == 0);
    step("file ids", mifare_desfire_get_file_ids(tag, &files, &count) == 0 && count == 4);
    step("settings", mifare_desfire_get_file_settings(tag, WALLET, &settings) == 0
                         && settings.settings.value_file.upper_limit == 100000);
    step("change key 1", mifare_desfire_change_key(tag, 1, fresh, old) == 0);
    step("its version", mifare_desfire_get_key_version(tag, 1, &version) == 0 && version == 3);
    step("create a file", mifare_desfire_create_std_data_file(tag, 9, MDCM_PLAIN, 0xEEEE, 100) == 0);
    step("authenticate with the new key", mifare_desfire_authenticate_aes(tag, 1, fresh) == 0);
    free(files);
    mifare_desfire_key_free(fresh);
    mifare_desfire_key_free(old);
}

int main(void)
{
    nfc_context *context = NULL;
    nfc_init(&context);
    nfc_device *device = context ? nfc_open(context, NULL) : NULL;
    if (device == NULL) {
        fprintf(stderr, "no reader: set LIBNFC_DEFAULT_DEVICE=pn532_uart:/dev/pts/N:115200\n");
        return 2;
    }
    MifareTag *tags = freefare_get_tags(device);
    if (tags == NULL || tags[0] == NULL || freefare_get_tag_type(tags[0]) != DESFIRE) {
        fprintf(stderr, "no DESFire card in the field\n");
        return 2;
    }
    MifareTag tag = tags[0];
    MifareDESFireAID aid = mifare_desfire_aid_new(0x504731);
    MifareDESFireKey master = key_of(0x01, 0);
    MifareDESFireKey gate = key_of(0x02, 0);

    step("connect", mifare_desfire_connect(tag) == 0);
    wrong_key(tag, aid);
    transaction(tag, aid, gate);
    administration(tag, aid, master);
    step("disconnect", mifare_desfire_disconnect(tag) == 0);

    mifare_desfire_key_free(master);
    mifare_desfire_key_free(gate);
    free(aid);
    freefare_free_tags(tags);
    nfc_close(device);
    nfc_exit(context);
    return failures ? 1 : 0;
}
