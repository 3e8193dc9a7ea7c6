import { inLanguages } from "../text/text.ts";

const en = {
  title: "Identity",
  why: "The gateway made a key of its own at its first start. With a certificate from the city it is known by it.",
  notBegun: "Nobody has asked for a certificate here.",
  notBegunWhy: "On our image that happens by itself as soon as provision.json on the card names a CA.",
  states: {
    "not-wanted": "No certificate is wanted",
    "waiting-for-network": "Waits for the network",
    "waiting-for-time": "Waits for the right time",
    enrolling: "Is asking for its certificate",
    "waiting-for-approval": "Waits for approval",
    enrolled: "Has its certificate",
    renewing: "Is renewing its certificate",
    failed: "Needs your help",
  },
  steps: {
    card: "Settings on the card",
    clock: "The clock is right",
    network: "The city's CA is reached",
    answer: "The CA answers",
    certificate: "The certificate is here",
  },
  stepStates: { done: "Done", now: "Now", waiting: "Waits", wrong: "Stopped", later: "Later" },
  /** What to do while it stands at a step. */
  stepHelp: {
    card: "Look at provision.json on the card's first partition.",
    clock:
      "The clock is not set yet. Time servers (NTP, UDP 123) must be reachable; after 10 minutes it tries without.",
    network: "If it stays here: look at the cable, the address and the firewall. It tries by itself.",
    answer: "If it stays here: the city's IT has to approve the gateway, or look at the CA.",
    certificate: "The city's IT has to look at the CA.",
  },
  nextTry: (time: string) => `Next try in ${time}.`,
  nextTryNow: "Tries again any moment.",
  codes: {
    provision:
      "provision.json has an error. Correct it or write the card anew; it is looked at every minute.",
    token:
      "A new token is needed. Ask the city's IT for one and write it into provision.json; no restart is needed.",
    "est-unreachable": "The CA cannot be reached: cable, address, firewall?",
    "est-tls": "The server is not the CA that provision.json names: wrong address or CA certificate?",
    "est-time": "The CA's certificate does not fit the clock: look which of them is wrong.",
    "wrong-dates": "The certificate is not valid now: look at the clock, then ask the city's IT.",
    certificate: "The certificate is revoked. With a new token from the city's IT it gets another.",
    est: "The city's IT has to look at the CA.",
    request: "The city's IT has to look at the CA.",
    wrong: "The city's IT has to look at the CA.",
  },
  tokenLeft:
    "The used token still stands in provision.json, because the card cannot be written. It is tried again.",
  certificate: "Certificate",
  subject: "Issued to",
  issuer: "Issued by",
  validTo: "Valid until",
  renewal: "Renewed from",
  left: (time: string) => `${time} left`,
  ended: "Has ended",
  life: "Life that is left",
  notRenewed:
    "It should have been renewed by now. If it ends, the gateway cannot send, and needs a new token.",
  more: "Serial number and fingerprint",
  serial: "Serial number",
  fingerprint: "SHA-256",
  clockUntrusted: "The gateway does not know the right time: times on this page may be wrong.",
};

const sv: typeof en = {
  title: "Identitet",
  why: "Gatewayen gjorde en egen nyckel när den startade första gången. Med ett certifikat från staden vet andra vem den är.",
  notBegun: "Ingen har begärt något certifikat här.",
  notBegunWhy: "På vår systemavbild sker det av sig självt så snart provision.json på kortet anger en CA.",
  states: {
    "not-wanted": "Inget certifikat är begärt",
    "waiting-for-network": "Väntar på nätet",
    "waiting-for-time": "Väntar på rätt tid",
    enrolling: "Begär sitt certifikat",
    "waiting-for-approval": "Väntar på godkännande",
    enrolled: "Har sitt certifikat",
    renewing: "Förnyar sitt certifikat",
    failed: "Behöver din hjälp",
  },
  steps: {
    card: "Inställningarna på kortet",
    clock: "Klockan går rätt",
    network: "Stadens CA nås",
    answer: "CA:n svarar",
    certificate: "Certifikatet är på plats",
  },
  stepStates: { done: "Klart", now: "Nu", waiting: "Väntar", wrong: "Stopp", later: "Sedan" },
  stepHelp: {
    card: "Se över provision.json på kortets första partition.",
    clock:
      "Klockan är inte ställd än. Tidsservrar (NTP, UDP 123) måste gå att nå; efter 10 minuter försöker den ändå.",
    network: "Står den kvar här: se över kabel, adress och brandvägg. Den försöker igen av sig själv.",
    answer: "Står den kvar här: stadens it-avdelning ska godkänna gatewayen, eller se över CA:n.",
    certificate: "Stadens it-avdelning behöver se över CA:n.",
  },
  nextTry: (time) => `Nästa försök om ${time}.`,
  nextTryNow: "Försöker igen när som helst.",
  codes: {
    provision: "Det är fel i provision.json. Rätta filen eller skriv kortet på nytt; den läses varje minut.",
    token:
      "Det behövs en ny engångskod. Be stadens it-avdelning om en och skriv in den i provision.json; ingen omstart behövs.",
    "est-unreachable": "CA:n går inte att nå: kabel, adress, brandvägg?",
    "est-tls": "Servern är inte den CA som provision.json anger: fel adress eller CA-certifikat?",
    "est-time": "CA:ns certifikat stämmer inte med klockan: se efter vilket av dem som är fel.",
    "wrong-dates": "Certifikatet gäller inte nu: se över klockan, kontakta sedan stadens it-avdelning.",
    certificate: "Certifikatet är spärrat. Med en ny engångskod från stadens it-avdelning får den ett nytt.",
    est: "Stadens it-avdelning behöver se över CA:n.",
    request: "Stadens it-avdelning behöver se över CA:n.",
    wrong: "Stadens it-avdelning behöver se över CA:n.",
  },
  tokenLeft:
    "Den använda engångskoden står kvar i provision.json, för kortet går inte att skriva på. Nya försök görs.",
  certificate: "Certifikat",
  subject: "Utfärdat för",
  issuer: "Utfärdat av",
  validTo: "Gäller till",
  renewal: "Förnyas från",
  left: (time) => `${time} kvar`,
  ended: "Har gått ut",
  life: "Tid som är kvar",
  notRenewed:
    "Det borde ha förnyats vid det här laget. Går det ut kan gatewayen inte skicka något, och då behövs en ny engångskod.",
  more: "Serienummer och fingeravtryck",
  serial: "Serienummer",
  fingerprint: "SHA-256",
  clockUntrusted: "Gatewayen vet inte vad klockan är: tiderna på sidan kan vara fel.",
};

export const identityWords = inLanguages({ en, sv });
