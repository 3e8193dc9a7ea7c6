import type { CheckDone } from "../../model/commissioning.ts";
import { GatewayError } from "../../model/errors.ts";
import { checkFailed, said } from "../words.ts";

// The Swedish of what a broker, its certificate or the network can say; the English is that of the error itself
// (transport/mqtt/failures.ts). By the error's code.

interface Swedish {
  readonly message: (at: string) => string;
  readonly fix: string;
}

const sayings: Readonly<Record<string, Swedish>> = {
  "unknown-host": {
    message: (at) => `Namnet i ${at} går inte att slå upp.`,
    fix: "Kontrollera namnet i `url:` och gatewayens DNS-servrar: resolvectl status",
  },
  "connection-refused": {
    message: (at) => `Inget lyssnar på ${at}.`,
    fix: "Kör brokern, och är porten rätt? Vanligt är 1883 utan TLS och 8883 med TLS",
  },
  unreachable: {
    message: (at) => `Det finns ingen väg till ${at}.`,
    fix: "Har gatewayen nät, och släpper brandväggen ut den till den porten?",
  },
  "connect-timeout": {
    message: (at) => `Inget svar från ${at} i tid.`,
    fix: "Oftast kastar en brandvägg paketen: be nätförvaltaren öppna för utgående trafik till den adressen och porten",
  },
  "tls-file": {
    message: () => "En av filerna i `ca:`, `cert:` eller `key:` går inte att använda.",
    fix: "Filen ska finnas, vara i PEM-format och få läsas av gatewayens användare; nyckeln ska höra till certifikatet",
  },
  "tls-unknown-ca": {
    message: (at) => `Certifikatet hos ${at} är inte utfärdat av en CA som gatewayen litar på.`,
    fix: "Ange som `ca:` PEM-filen för den CA som utfärdade brokerns certifikat, mellanliggande CA inräknade",
  },
  "tls-expired": {
    message: (at) => `Certifikatet hos ${at} har gått ut.`,
    fix: "Förnya brokerns certifikat",
  },
  "tls-not-yet-valid": {
    message: (at) => `Certifikatet hos ${at} gäller inte ännu.`,
    fix: "Jämför certifikatets datum med gatewayens klocka",
  },
  "tls-revoked": {
    message: (at) => `Certifikatet hos ${at} är spärrat.`,
    fix: "Fråga den som driver brokern: någon kan stå emellan",
  },
  "tls-wrong-host": {
    message: (at) => `Certifikatet hos ${at} gäller för en annan värd.`,
    fix: "Skriv ett namn i `url:` som står i certifikatet, eller låt utfärda ett för det här namnet",
  },
  "tls-not-spoken": {
    message: (at) => `${at} talar inte TLS.`,
    fix: "Använd brokerns TLS-port (oftast 8883), eller mqtt:// där nätet är betrott",
  },
  "tls-version": {
    message: (at) => `${at} talar inte den TLS-version som begärs.`,
    fix: 'Låt brokern tala TLS 1.3, eller godta den äldre med `tlsMinimum: "1.2"`',
  },
  "tls-client-certificate-missing": {
    message: (at) => `${at} kräver ett klientcertifikat och fick inget.`,
    fix: "Ange gatewayens eget certifikat och nyckel som `cert:` och `key:`",
  },
  "tls-client-refused": {
    message: (at) => `${at} godtar inte gatewayens certifikat.`,
    fix: "Är det rätt certifikat, giltigt, inte spärrat och utfärdat av en CA som brokern litar på?",
  },
  "tls-failed": {
    message: (at) => `TLS med ${at} misslyckades.`,
    fix: "Jämför med: openssl s_client -connect VÄRD:PORT",
  },
  "connection-lost": {
    message: (at) => `Förbindelsen med ${at} bröts.`,
    fix: "Titta på nätet och i brokerns logg",
  },
  "connection-closed": {
    message: (at) => `${at} stängde förbindelsen.`,
    fix: "Brokerns logg säger varför",
  },
  "no-answer": {
    message: (at) => `${at} stängde förbindelsen utan att svara på CONNECT.`,
    fix: "Är det en MQTT-broker, och väntar den TLS (mqtts://) eller ett klientcertifikat på den porten? Brokerns logg säger varför",
  },
  "unsupported-protocol": {
    message: (at) => `Brokern ${at} talar inte den här MQTT-versionen.`,
    fix: 'Skriv `protocol: auto` eller "3.1.1"',
  },
  "client-id": {
    message: (at) => `Brokern ${at} godtar inte testets klient-id.`,
    fix: "Brokern släpper kanske bara in gatewayens eget klient-id: se i stadsnod status om den är ansluten",
  },
  unavailable: {
    message: (at) => `Brokern ${at} är inte tillgänglig just nu.`,
    fix: "Den startar eller är överbelastad: försök igen om en stund",
  },
  "bad-credentials": {
    message: (at) => `Brokern ${at} godtar inte användarnamnet eller lösenordet.`,
    fix: "Kontrollera `username:` och `password:`, även radslut och blanksteg i lösenordsfilen",
  },
  "not-authorized": {
    message: (at) => `Brokern ${at} släpper inte in gatewayen.`,
    fix: "Kontrollera kontot och dess rättigheter hos brokern",
  },
  banned: {
    message: (at) => `Brokern ${at} har spärrat klienten.`,
    fix: "Fråga den som driver brokern",
  },
  quota: {
    message: (at) => `Brokern ${at} har inte plats för fler klienter.`,
    fix: "Höj brokerns gräns för antal klienter eller takt",
  },
  rate: {
    message: (at) => `Brokern ${at} får för många anslutningar.`,
    fix: "Försök igen om en stund",
  },
  moved: {
    message: (at) => `Brokern ${at} hänvisar till en annan server.`,
    fix: "Skriv den nya serverns adress i `url:`",
  },
  "no-qos": {
    message: (at) => `Brokern ${at} erbjuder inte QoS 1.`,
    fix: "Tillåt QoS 1 hos brokern: utan det går inget att redovisa",
  },
};

const otherwise: Swedish = {
  message: (at) => `Brokern ${at} tackade nej.`,
  fix: "Brokerns logg säger varför",
};

/** What `testClient` is to a broker that ties rights to client ids. */
const ownIdHint =
  "this broker may admit the gateway's own client id alone: `stadsnod status` shows whether that one is connected";

/** A failure of the connection as a check. `more`: facts to add to the message in both languages. */
export function failedBy(
  id: string,
  error: unknown,
  at: string,
  subject: string,
  more: { readonly en: string; readonly sv: string } = { en: "", sv: "" },
): CheckDone {
  if (!(error instanceof GatewayError)) throw error;
  const swedish = sayings[error.code] ?? otherwise;
  const hint = error.code === "client-id" ? ownIdHint : (error.hint ?? "the broker's log says why");
  const clockEn = more.en === "" ? "" : ` ${more.en}`;
  const clockSv = more.sv === "" ? "" : ` ${more.sv}`;
  return checkFailed(
    id,
    said(`${sentence(error.message)}${clockEn}`, `${swedish.message(at)}${clockSv}`),
    said(sentence(hint), sentence(swedish.fix)),
    subject,
  );
}

function sentence(text: string): string {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}
