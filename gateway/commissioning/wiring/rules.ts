import type { WiringFault } from "../../model/commissioning.ts";
import type { SignName } from "./signs.ts";

/**
 * What each sign says for or against each fault: natural logarithms of how much likelier the sign is
 * with the fault than without it, for a sign that shows as clearly as can be. `prior`: how common the
 * fault is. A sign that is not named says nothing.
 */
export interface Rule {
  readonly prior: number;
  readonly signs: Readonly<Partial<Record<SignName, number>>>;
}

export const rules: Readonly<Record<WiringFault, Rule>> = {
  none: {
    prior: 5,
    signs: {
      "all-silent": -20,
      damage: -9,
      ghosts: -6,
      "rare-damage": -1.5,
      stream: -20,
      "idle-frames": -6,
      "idle-bytes": -4,
      "zero-after-sending": -10,
      echo: -6,
      "echo-damaged": -6,
      "other-parity": -20,
      "other-speed": -20,
      "inverted-answers": -20,
      "answers-twice": -8,
      "one-unit-damaged": -4,
      late: -10,
    },
  },
  silent: {
    prior: 0,
    signs: {
      "all-silent": 5,
      "zero-after-sending": -3,
      "other-parity": -9,
      "other-speed": -9,
      "inverted-answers": -9,
      stream: -6,
      "idle-bytes": -2,
      damage: -6,
      late: -6,
    },
  },
  swapped: {
    prior: 0,
    signs: {
      "all-silent": 3,
      "inverted-answers": 9,
      "inverted-silent": -2.5,
      "zero-after-sending": 2.5,
      damage: -5,
      "other-parity": -6,
      "other-speed": -6,
      stream: -4,
      late: -4,
    },
  },
  "no-termination": {
    prior: -0.5,
    signs: {
      ghosts: 7,
      damage: 2,
      edges: 3,
      fast: 2,
      "idle-bytes": -4,
      mains: -4,
      runs: -1,
      "one-unit-damaged": -1.5,
      "rare-damage": 1,
      "answers-twice": -4,
      foreign: -2,
    },
  },
  echo: {
    prior: 0,
    signs: { echo: 7, "echo-damaged": 8, "all-silent": -1 },
  },
  "wrong-parity": {
    prior: 0,
    signs: {
      "other-parity": 9,
      "all-silent": 2.5,
      damage: -1,
      "inverted-answers": -6,
      late: -4,
      "idle-bytes": -1,
    },
  },
  "wrong-speed": {
    prior: 0,
    signs: {
      "other-speed": 9,
      "all-silent": 2.5,
      damage: -1,
      "inverted-answers": -6,
      late: -4,
      "idle-bytes": -1,
    },
  },
  "duplicate-address": {
    prior: -0.5,
    signs: {
      "answers-twice": 6,
      "one-unit-damaged": 5,
      overlong: 3,
      damage: 1,
      "idle-bytes": -3,
      mains: -3,
      "idle-frames": -2,
    },
  },
  ground: {
    prior: -0.5,
    signs: {
      damage: 2,
      mains: 6,
      runs: 2,
      "idle-bytes": 0.5,
      "one-unit-damaged": -2,
      edges: -1,
      foreign: -2,
    },
  },
  "late-answers": {
    prior: 0,
    signs: { late: 9, damage: -1 },
  },
  noise: {
    prior: 0,
    signs: {
      damage: 2,
      "idle-bytes": 3,
      mains: -3,
      runs: -1,
      edges: -1.5,
      "rare-damage": 1,
      "one-unit-damaged": -1.5,
      fast: -0.5,
      "answers-twice": -4,
      foreign: -2,
      stream: -3,
    },
  },
  stuck: {
    prior: -0.5,
    signs: {
      stream: 9,
      "all-silent": 2,
      "zero-after-sending": 4,
      "inverted-answers": -9,
      "other-parity": -5,
      "other-speed": -5,
    },
  },
  "second-master": {
    prior: -0.5,
    signs: { "idle-frames": 9, foreign: 3, damage: 0.5 },
  },
};
