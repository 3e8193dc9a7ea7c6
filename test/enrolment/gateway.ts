import { CertificateStore } from "../../gateway/enrolment/certificate-store.ts";
import { openFileKey } from "../../gateway/enrolment/device-key.ts";
import { Enrolment, type EnrolmentOptions } from "../../gateway/enrolment/enrolment.ts";
import { type Exchange, httpsExchange } from "../../gateway/enrolment/exchange.ts";
import type { EnrolmentState, Progress } from "../../gateway/enrolment/progress.ts";
import { type Provision, readProvision, withoutToken } from "../../gateway/enrolment/provision.ts";
import type { Clock } from "../../gateway/model/clock.ts";
import { RefusedError } from "../../gateway/model/errors.ts";
import type { Disk } from "../../gateway/store/disk.ts";
import { readText, replaceText } from "../../gateway/store/documents.ts";
import type { CityCa } from "../../simulators/ca/city-ca.ts";
import { settle, type VirtualClock } from "../fault/virtual-clock.ts";

/** provision.json on a disk, as the card of a gateway. */
export function cardOn(
  disk: Disk,
): EnrolmentOptions["provision"] & { put(provision: object): Promise<void> } {
  const name = "provision.json";
  const text = () => readText(disk, name, 1024 * 1024);
  return {
    async read(): Promise<Provision | undefined> {
      const found = await text();
      return found === undefined ? undefined : readProvision(found);
    },
    async removeToken() {
      const rest = withoutToken((await text()) ?? "{}");
      if (rest !== undefined) await replaceText(disk, name, rest);
    },
    put: (provision) => replaceText(disk, name, JSON.stringify(provision)),
  };
}

export function provisionFor(ca: CityCa, url: string, token = "token-of-lamp-7", gateway = "lamp-7") {
  return { format: 1, gateway, enrolment: { url, ca: ca.pem, token } };
}

export interface TestedGateway {
  readonly enrolment: Enrolment;
  readonly store: CertificateStore;
  readonly told: readonly Progress[];
  readonly states: readonly EnrolmentState[];
  /** It talks to the CA. */
  readonly busy: boolean;
  /** Resolves when it tells this state, past or future. */
  until(state: EnrolmentState, code?: string): Promise<Progress>;
}

export function gatewayOn(
  disk: Disk,
  card: Disk,
  clock: Clock,
  exchange: Exchange = httpsExchange(clock),
): TestedGateway {
  const told: Progress[] = [];
  let talks = 0;
  const waiting = new Set<() => void>();
  const store = new CertificateStore(disk);
  const enrolment = new Enrolment({
    clock,
    random: () => 0.5,
    openKey: () => openFileKey(disk),
    store,
    provision: cardOn(card),
    async exchange(...request) {
      talks++;
      try {
        return await exchange(...request);
      } finally {
        talks--;
      }
    },
    tell(progress) {
      told.push(progress);
      for (const look of waiting) look();
    },
  });
  return {
    enrolment,
    store,
    told,
    get busy() {
      return talks > 0;
    },
    get states() {
      return told.map(({ state }) => state);
    },
    until: (state, code) =>
      new Promise((resolve) => {
        const look = () => {
          const found = told.find(
            (one) => one.state === state && (code === undefined || one.why?.code === code),
          );
          if (!found) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      }),
  };
}

/**
 * Lets virtual time pass until the promise is settled: from timer to timer while the gateway waits, and not at all
 * while it talks to the CA, which takes real time.
 */
export async function passTime<T>(
  clock: VirtualClock,
  gateway: TestedGateway,
  until: Promise<T>,
): Promise<T> {
  let settled = false;
  const done = until.finally(() => {
    settled = true;
  });
  done.catch(() => {});
  while (!settled) {
    await settle(1);
    const due = clock.nextDue;
    if (!settled && !gateway.busy && due !== undefined)
      await clock.advance(Math.max(0, due - clock.monotonic()));
  }
  return done;
}

/** The CA without TLS in between, for tests of everything else. */
export function directExchange(ca: CityCa, before: () => void = () => {}): Exchange {
  return async ({ method, url, headers, body, client }) => {
    before();
    const pem = /-----BEGIN CERTIFICATE-----([\sA-Za-z0-9+/=]+)-----END/.exec(client?.cert ?? "")?.[1];
    const answer = ca.answer({
      method,
      path: new URL(url).pathname,
      authorization: headers.authorization,
      body: body ?? "",
      ...(pem ? { client: Buffer.from(pem, "base64") } : {}),
    });
    if (answer.carry) throw new RefusedError("not carried here", { code: "not-here" });
    return { status: answer.status, headers: answer.headers, body: Buffer.from(answer.body) };
  };
}
