import { createPrivateKey, createPublicKey } from "node:crypto";

// Keys and signed things that never change: an input must be the same again when it is replayed.

/** Ed25519, of 32 times 0x42: PKCS #8 (RFC 8410). */
export const cityKey = createPrivateKey({
  key: Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), Buffer.alloc(32, 0x42)]),
  format: "der",
  type: "pkcs8",
});
export const cityPublicKey = createPublicKey(cityKey);

/** `{"report":1}`, signed with a key that is thrown away. */
export const signedReport = {
  payload: "eyJyZXBvcnQiOjF9",
  protected:
    "eyJhbGciOiJFUzI1NiIsImtpZCI6IkFESDBuVDl1dEZXNEszbzd6Ui1aMUxIQklRNHdPRWpneXlpZE15RkRVemsiLCJqd2siOnsia3R5IjoiRUMiLCJjcnYiOiJQLTI1NiIsIngiOiJZcUg1LW5ab0xKQnlYcmhVS0VIMmVJYUFVQXlISzZZeml5enlmWWNLNmhFIiwieSI6Im9VcTllV0tqMmVidkgtMWRqUE1ETEtfclBpQ1Q3TmU1UEtGMm53UnNxQ3MifSwidHlwIjoiYXBwbGljYXRpb24veCtqd3MifQ",
  signature: "Ol7LjZA8a_-DORNpo8k1v4ddi4KIl2-nRH3G0QOqxo8ZIHvzBFCkkc0RaiA-G5YLZUVVKxa_la8XF9ISZjH2FQ",
};

/** Of an ECDSA key, for gw-1.example.org and 192.0.2.1. */
export const certificatePem = `-----BEGIN CERTIFICATE-----
MIIBtTCCAVygAwIBAgIQTUNW6yrUJXVhH6K+Haa5FDAKBggqhkjOPQQDAjAPMQ0w
CwYDVQQDDARndy0xMB4XDTI2MDEwMTAwMDAwMFoXDTM2MDEwMTAwMDAwMFowDzEN
MAsGA1UEAwwEZ3ctMTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABFqslmwFuc5V
IArU/Vx1bo6Ee2HJCQPigREceFVJ/mtLAgIyvMyRG2zfK5AVA97+YngcqNPshDzO
FRhaeK7MpyijgZkwgZYwDAYDVR0TAQH/BAIwADAOBgNVHQ8BAf8EBAMCB4AwEwYD
VR0lBAwwCgYIKwYBBQUHAwEwHQYDVR0OBBYEFKeFz+OrgMHkweeBwldl3qz0xWSY
MB8GA1UdIwQYMBaAFKeFz+OrgMHkweeBwldl3qz0xWSYMCEGA1UdEQQaMBiCEGd3
LTEuZXhhbXBsZS5vcmeHBMAAAgEwCgYIKoZIzj0EAwIDRwAwRAIgAqwwvVwoct0c
YDiYf1X24NlByDdeEluGigOoImdsL9oCID7NSy++gl1bwm2sAxITE4mOg3l9d3/P
64CgvZ5Ffyi6
-----END CERTIFICATE-----
`;
