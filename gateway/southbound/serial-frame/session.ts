import type { Clock } from "../../model/clock.ts";
import type { Device } from "../../model/device.ts";
import type { CompiledHead } from "./compile.ts";
import type { FrameAddress, FrameDevice, FrameHead } from "./settings.ts";

export type FrameTarget = Device<FrameAddress, FrameDevice, FrameHead>;

/** First and longest pause between two attempts to open a session unasked, ms. */
const firstPauseMs = 5_000;
const longestPauseMs = 300_000;

/**
 * What is known of one device while the line is open: whether its session is open, since when its
 * values count, and when it has to be spoken to without a poll.
 */
export class Session {
  device: FrameTarget;
  readonly head: CompiledHead;
  /** Whether something of it can be written: then no answer may be taken for another. */
  readonly isWritten: boolean;
  readonly #clock: Clock;
  #isOpen: boolean;
  /** When the session was opened last, or the line before. */
  #openedAt: number;
  #failures = 0;
  #heardAt: number;
  #pauseMs = firstPauseMs;
  #notBefore = 0;
  #keptAt = 0;

  constructor(device: FrameTarget, head: CompiledHead, clock: Clock) {
    this.device = device;
    this.head = head;
    const { points, commands = [] } = device.profile;
    this.isWritten = [...points, ...commands].some(({ write }) => write !== undefined);
    this.#clock = clock;
    this.#heardAt = clock.monotonic();
    this.#openedAt = this.#heardAt;
    this.#isOpen = head.head.session === undefined;
  }

  /** Whether it is this device's session: the same profile and the same settings. */
  is({ id, profile, settings }: FrameTarget): boolean {
    const { device } = this;
    return device.id === id && device.profile === profile && device.settings === settings;
  }

  /** The same device as the gateway knows it now (its audience, its title). */
  renew(device: FrameTarget): void {
    this.device = device;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /**
   * Whether values are not to be trusted yet (monotonic ms). A device that speaks although its session
   * never opened, as one whose receive wire is not connected, is believed after the same time.
   */
  isWarmingUp(at: number): boolean {
    return at < this.#openedAt + this.head.head.warmUpMs;
  }

  opened(): void {
    const now = this.#clock.monotonic();
    this.#isOpen = true;
    this.#openedAt = now;
    this.#keptAt = now;
    this.#heardAt = now;
    this.#failures = 0;
    this.#pauseMs = firstPauseMs;
  }

  /** The attempt failed: the next one unasked comes after a pause. */
  refused(): void {
    this.#notBefore = this.#clock.monotonic() + this.#pauseMs;
    this.#pauseMs = Math.min(2 * this.#pauseMs, longestPauseMs);
  }

  /** A frame of this kind came from the device. */
  heard(kind: string): void {
    this.#heardAt = this.#clock.monotonic();
    this.#failures = 0;
    if (this.head.head.session?.reopenOn.frame === kind) this.#close();
  }

  failed(): void {
    this.#failures++;
    const { failures } = this.head.head.session?.reopenOn ?? {};
    if (failures !== undefined && this.#failures >= failures) this.#close();
  }

  kept(): void {
    this.#keptAt = this.#clock.monotonic();
  }

  /** When `due` should be asked again, monotonic ms; undefined for a device that needs nothing by itself. */
  get nextAt(): number | undefined {
    const { session } = this.head.head;
    if (!session) return undefined;
    if (!this.isOpen) return this.#notBefore;
    const { keepalive, reopenOn } = session;
    const times = [
      ...(keepalive ? [this.#keptAt + keepalive.everyMs] : []),
      ...(reopenOn.silenceMs === undefined ? [] : [this.#heardAt + reopenOn.silenceMs]),
    ];
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** What the device needs now. */
  due(now: number): "open" | "keepalive" | undefined {
    const { session } = this.head.head;
    if (!session) return undefined;
    const { keepalive, reopenOn } = session;
    if (this.isOpen && reopenOn.silenceMs !== undefined && now >= this.#heardAt + reopenOn.silenceMs)
      this.#close();
    if (!this.isOpen) return now >= this.#notBefore ? "open" : undefined;
    return keepalive && now >= this.#keptAt + keepalive.everyMs ? "keepalive" : undefined;
  }

  #close(): void {
    if (this.head.head.session) this.#isOpen = false;
  }
}
