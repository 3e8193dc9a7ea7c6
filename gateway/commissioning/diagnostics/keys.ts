// Which words of gateway.yaml, logs and answers of the local API may be shown. What is not known to be harmless is
// not shown: a bundle leaves the house.

/** Sounds like a secret, in English or Swedish, misspelt or not. */
const secretWords =
  /pass(?!ive)|pwd|passw|secret|hemlig|l[oö]sen|token|psk|credential|api.?key|app.?key|s?nwk.?s?.?key|session.?key|private|join.?key|pin$|^key$|.key$|^ak$|^ek$|auth(?!or)|cookie|salt/i;

export function isSecretKey(key: string): boolean {
  return secretWords.test(key.normalize("NFC"));
}

/** Words about people, or that people write freely. */
const personKeys =
  /^(owner|contact|name|email|mail|phone|tel|telefon|technician|note|reason|comment|address(es)?Of|purpose|sharedWith|title|description|publisher|en|sv|who|by|user|username|issuer|inhabitant|resident|location)$/i;

export function isPersonKey(key: string): boolean {
  return personKeys.test(key);
}

/** Texts at these keys of gateway.yaml are words of its own language, names of parts, paths or addresses. */
const plainKeys = new Set([
  ..."id type protocol profile profiles connection port host url root audience audiences to of over aggregate".split(
    " ",
  ),
  ..."legalBasis ca cert folder socket level trust compression tlsMinimum timeZone clientId parity unit".split(
    " ",
  ),
  ..."fast normal slow maxAge maxBytes maxSize staleAfter point points device devices value at on days".split(
    " ",
  ),
  ..."from until priority hold safety operator schedule automation expiresIn untrustedClock arming".split(
    " ",
  ),
  ..."licence base spatial languages codec payloadFile model devEui region options poll kind round over".split(
    " ",
  ),
  ..."k range months weekdays sunrise sunset offset period timeout baud flow userDir enabled keep holidays missed".split(
    " ",
  ),
]);

export function isPlainKey(key: string): boolean {
  return plainKeys.has(key);
}

/** Who somebody is, as opposed to what somebody wrote: parts of it are looked for too. */
export function isNameKey(key: string): boolean {
  return /^(owner|contact|name|technician|inhabitant|resident)$/i.test(key);
}

/** Where values of points stand in what the gateway says of itself. */
const valueKeys = new Set([
  ..."value values raw given said says last word previous before after result readback written payload".split(
    " ",
  ),
  ..."body frame hex bytes data lat lon latitude longitude elevation detail".split(" "),
]);

export function isValueKey(key: string): boolean {
  return valueKeys.has(key);
}
