import type { X509Certificate } from "node:crypto";
import * as z from "zod";
import type { Disk } from "../store/disk.ts";
import { readDocument, readText, replaceDocument, replaceText } from "../store/documents.ts";
import { readPemCertificates, toPem } from "./certs-only.ts";
import { DerError } from "./der.ts";

// Of the identity folder, beside key.pem:
//   certificate.pem       the certificate in use, then the intermediate ones
//   ca.pem                what the CA says of itself: for whoever checks the broker
//   certificate.next.pem  a renewed one that has not proved itself yet
//   enrolment.json        where the CA is, and what it refused for good
const names = {
  current: "certificate.pem",
  authorities: "ca.pem",
  next: "certificate.next.pem",
  notes: "enrolment.json",
} as const;

const maxPemBytes = 128 * 1024;

/** A certificate and what leads from it to its authority. */
export interface Held {
  readonly certificate: X509Certificate;
  /** The file: the certificate first. */
  readonly pem: string;
}

const notesSchema = z.object({
  url: z.string().optional(),
  /** PEM: of provision.json, so that a renewal needs no card. */
  ca: z.string().optional(),
  /** SHA-256 of a token that the CA refused: it is not sent again. */
  refusedToken: z.string().optional(),
  /** Of the token that was used, and the fingerprint of what it brought, or of what followed that. */
  usedToken: z.string().optional(),
  usedFor: z.string().optional(),
});

export type Notes = z.output<typeof notesSchema>;

/**
 * The gateway's certificates on their disk. Each file is replaced whole, so that after a power cut there is the old or
 * the new one. All methods reject with StorageError; a damaged file counts as none, for it can be got again.
 */
export class CertificateStore {
  readonly #disk: Disk;

  /** @param disk the folder of the gateway's key, whose files only the gateway may read */
  constructor(disk: Disk) {
    this.#disk = disk;
  }

  current(): Promise<Held | undefined> {
    return this.#held(names.current);
  }

  next(): Promise<Held | undefined> {
    return this.#held(names.next);
  }

  async authorities(): Promise<readonly X509Certificate[]> {
    return (await this.#read(names.authorities)) ?? [];
  }

  async notes(): Promise<Notes> {
    const checked = notesSchema.safeParse(await readDocument(this.#disk, names.notes));
    return checked.success ? checked.data : {};
  }

  async note(notes: Notes): Promise<void> {
    await replaceDocument(this.#disk, names.notes, notes);
  }

  /** A first certificate. It comes last: whoever sees it finds everything that belongs to it. */
  async take(
    chain: readonly X509Certificate[],
    authorities: readonly X509Certificate[],
    notes: Notes,
  ): Promise<void> {
    await this.note(notes);
    await this.takeAuthorities(authorities);
    await this.#remove(names.next);
    await replaceText(this.#disk, names.current, toPem(chain));
  }

  async takeAuthorities(authorities: readonly X509Certificate[]): Promise<void> {
    const pem = toPem(authorities);
    if ((await readText(this.#disk, names.authorities, maxPemBytes)) === pem) return;
    await replaceText(this.#disk, names.authorities, pem);
  }

  /** A renewed certificate, which has to prove itself beside the one in use. */
  async takeNext(chain: readonly X509Certificate[]): Promise<void> {
    await replaceText(this.#disk, names.next, toPem(chain));
  }

  /** The renewed certificate has proved itself and takes the place of the old one. */
  async promote(next: Held): Promise<void> {
    await replaceText(this.#disk, names.current, next.pem);
    await this.#remove(names.next);
  }

  async dropNext(): Promise<void> {
    await this.#remove(names.next);
  }

  async #held(name: string): Promise<Held | undefined> {
    const chain = await this.#read(name);
    const certificate = chain?.[0];
    return chain && certificate && { certificate, pem: toPem(chain) };
  }

  async #read(name: string): Promise<X509Certificate[] | undefined> {
    const text = await readText(this.#disk, name, maxPemBytes);
    if (text === undefined) return undefined;
    try {
      return readPemCertificates(text);
    } catch (error) {
      if (error instanceof DerError) return undefined;
      throw error;
    }
  }

  async #remove(name: string): Promise<void> {
    if (!(await this.#disk.list()).includes(name)) return;
    await this.#disk.remove(name);
    await this.#disk.syncNames();
  }
}
