/** What a new serial-frame profile begins with, from `protocol:` on: passes `profile check` and `profile test`. */
export const frameSkeleton = `protocol: serial-frame
serial-frame:
  framing: {start: "aa", length: 7, check: {sum8: 1..5, at: 6}} # of all frames; bytes count from 0, -1 is the last
  frames:
    measured:                      # sent by itself
      match: {1: "01"}             # what tells this kind of frame from others
      body: 2..5                   # where its fields lie
      fields:                      # as in a payload layout: u8 s16 u32 f32 hex ..., endian: little
        - {name: level, type: u16}
        - {name: strength, type: u16}
    version:                       # an answer
      match: {1: "02"}
      body: 2..3
      fields: [{name: version, type: u16}]
  requests:
    version: {send: "55 02 00 {sum8:1..}", reply: version, timeout: 500ms}
  listen: {every: 1s, silentAfter: 20s}
points:
  level:
    title: {en: Water level, sv: Vattennivå}
    at: {frame: measured, field: level}
    unit: mm                       # SenML units: m mm Cel %RH ug/m3 V ...
    range: [0, 5000]               # outside it has no value
    doc: p. 1                      # where the manual says so
  strength:
    title: {en: Strength of the echo, sv: Ekots styrka}
    at: {frame: measured, field: strength}
    unit: count
    class: slow                    # fast | normal | slow | once: gateway.yaml says what the words mean
  firmware:
    title: {en: Firmware, sv: Programversion}
    at: {request: version, field: version}
    kind: id
    class: once
examples:                          # bytes that are heard, or a dialogue, and what must come of it: run by profile test
  - name: a frame that comes by itself
    given: {rx: "aa 01 00 7b 01 59 d6"}
    expect: {level: 123, strength: 345}
  - name: a frame that is asked for
    given: {exchange: [{">": "55 02 00 02", "<": "aa 02 04 d2 00 00 d8"}]}
    expect: {firmware: "1234"}
`;
