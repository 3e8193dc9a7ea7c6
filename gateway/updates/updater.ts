/**
 * The seam to what writes the system's slots and tells the boot loader: RAUC on our images, a socket to the one
 * program that may run it, a fake in tests. One call at a time. What is marked counts from the next boot on.
 *
 * Errors: RefusedError for a bundle that must not be installed (`bundle-missing`, `bundle-signature`,
 * `bundle-certificate`, `bundle-damaged`, `bundle-form`); TransientError `install-failed` for an install that did
 * not end well (the slot that runs is untouched); LinkError `no-updater` where nothing answers.
 */
export interface Updater {
  status(): Promise<UpdaterStatus>;
  /** Verifies a bundle whole, signature and every byte of its payload, and says what it is. Writes nothing. */
  inspect(bundle: string): Promise<BundleFacts>;
  /**
   * Writes the slot that does not run, and lets the boot loader try it next. Until it resolves, a power cut
   * leaves the slot that runs as the one that boots, or, at its very end, the new one.
   * @param progress percent, 0 to 100
   */
  install(bundle: string, progress: (percent: number) => void): Promise<void>;
  /** The slot that runs works: the boot loader stops counting its tries. */
  markGood(): Promise<void>;
  /** The slot that runs does not work: the boot loader takes the other one next. */
  markBad(): Promise<void>;
  /** Asks for a restart of the machine. Resolves when it was asked for. */
  reboot(): Promise<void>;
}

export interface UpdaterStatus {
  /** For whom bundles must be made: `stadsnod-generic-arm64`. */
  readonly compatible: string;
  /** Boot name of the slot that runs. */
  readonly booted: string;
  /** Boot name of the slot that the boot loader takes next, as far as it says. */
  readonly next?: string | undefined;
  readonly slots: readonly SlotFacts[];
}

export interface SlotFacts {
  /** Boot name: `A`, `B`. */
  readonly name: string;
  readonly booted: boolean;
  /** Whether the boot loader would take it. */
  readonly state: "good" | "bad" | "unknown";
  /** Of the bundle that was written into it; undefined: written when the card was made, or not at all. */
  readonly version?: string | undefined;
  /** ISO 8601. */
  readonly installedAt?: string | undefined;
}

export interface BundleFacts {
  readonly compatible: string;
  readonly version: string;
  /** Of the whole file, hex. */
  readonly sha256: string;
  readonly bytes: number;
  /** Subject of the certificate that signed it. */
  readonly signer: string;
}
