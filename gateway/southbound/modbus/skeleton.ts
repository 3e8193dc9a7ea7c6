/** What a new Modbus profile begins with, from `protocol:` on: passes `profile check` and `profile test`. */
export const modbusSkeleton = `protocol: modbus
modbus:
  addressing: protocol            # how this file counts: protocol (0 first) | datasheet-1 (1 first) | modicon (40001)
  # order: CDAB                   # when 32-bit values come low word first
  # read: {maxRegisters: 60}      # when the maker limits the length of a read
points:
  voltage_l1:
    title: {en: Voltage L1, sv: Spänning L1}
    at: {input: 0x0000, type: f32} # coil | discrete | input | holding, and the type: u16 s16 u32 s32 f32 u64 ...
    unit: V                        # SenML units: V A W var VA Wh kWh Hz Cel %RH Pa m3 ...
    resolution: 0.1                # smallest step that means something
    range: [0, 400]                # of the value, not of the register; outside it has no value
    doc: p. 1                      # where the datasheet says so
  energy_import:
    title: {en: "Active energy, import", sv: "Aktiv energi, uttag"}
    at: {holding: 0x0100, type: u32}
    unit: kWh
    scale: 0.01                    # value = register x scale
    kind: counter
    class: slow                    # fast | normal | slow | once: gateway.yaml says what the words mean
examples:                          # what the registers hold, and what must come of it: run by profile test
  - name: nominal
    given: {input: {0x0000: "4366 3333"}, holding: {0x0100: "0001 E240"}}
    expect: {voltage_l1: 230.2, energy_import: 1234.56}
`;
