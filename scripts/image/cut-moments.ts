// When the power goes: moments of an update, each of them once, shared out among a few gateways.

export interface Moment {
  readonly name: string;
  /** On the console, since power-on. */
  readonly pattern: RegExp;
  /** Then, MiB that QEMU has written since. */
  readonly mebibytes?: number;
  /** Then, packs of this gateway at the platform. */
  readonly packs?: number;
  /** The disk as the cut left it is kept under this name, for chapters that start from it. */
  readonly keep?: string;
}

/**
 * An update from its beginning, or from a disk that was kept, to its end: after each cut the machine has to come up,
 * and the next cut hits what it goes on with.
 */
export interface Chapter {
  readonly from?: string;
  readonly cuts: readonly Moment[];
  /** How it has to end; absent: kept. */
  readonly ends?: Ending;
}

export interface Ending {
  readonly phase: "committed" | "rolled-back" | "refused";
  readonly slot: "A" | "B";
  /** Which version runs then. */
  readonly runs: "former" | "new";
}

/** The new version is kept. */
export const asKept: Ending = { phase: "committed", slot: "B", runs: "new" };
/** Somebody at the gateway asks for the former system while the new one is on trial. */
const givenUp: Ending = { phase: "rolled-back", slot: "A", runs: "former" };
/** After it was kept, the city wants what is no bundle at all. */
const noBundle: Ending = { phase: "refused", slot: "B", runs: "new" };

const phase = (name: string): Moment => ({ name, pattern: new RegExp(`"phase":"${name}"`) });
const of = (name: string, pattern: RegExp, more: Partial<Moment> = {}): Moment => ({
  name,
  pattern,
  ...more,
});

/**
 * What each gateway goes through, one chapter after the other. An update may be interrupted twice while it is
 * installed (right after it was verified may be a moment too late), and a new slot has three tries, so no chapter asks
 * for more; a disk that is kept is one whose next start is the new slot's first.
 */
export const lanes: readonly (readonly Chapter[])[] = [
  [
    {
      cuts: [
        phase("downloading"),
        phase("verified"),
        phase("installing"),
        phase("installed"),
        phase("trying"),
        // It is on trial already, and does not say so again.
        of("trying, 5 packs later", /the gateway runs/, { packs: 5 }),
      ],
    },
    { ends: noBundle, cuts: [phase("refused")] },
  ],
  [
    {
      cuts: [
        of("the root is being written", /writing data to device \/dev\/disk\/by-partlabel\/root_/, {
          mebibytes: 40,
        }),
        of("the root has been written", /Updating slot rootfs\.\d done/),
        { ...phase("rebooting"), keep: "rebooting" },
        phase("committing"),
        // Whether it is committed by then is anybody's guess: no cut of this chapter can come behind it.
        of("the slot is marked good", /[Mm]arked slot \S+ as good/),
      ],
    },
    { from: "rebooting", cuts: [of("the boot loader has read its state", /stadsnod: boot order/)] },
    { from: "rebooting", cuts: [of("the boot loader has spent a try", /stadsnod: starting slot/)] },
  ],
  [
    {
      cuts: [
        of("RAUC opens the bundle", /Verified inline signature/),
        of("the kernel is being written", /writing data to device \/dev\/disk\/by-partlabel\/boot_/, {
          mebibytes: 16,
        }),
        of("the services stop", /Stopping stadsnod\.service/, { keep: "stopping" }),
      ],
    },
    { from: "stopping", ends: givenUp, cuts: [phase("rolling-back"), phase("rolled-back")] },
    { from: "stopping", cuts: [of("the kernel starts", /Starting kernel/)] },
    { from: "stopping", cuts: [of("the first root is done", /DEVELOPMENT BUILD/)] },
    { from: "stopping", cuts: [of("the gateway starts", /Starting stadsnod\.service/), phase("committed")] },
  ],
];
