/** What a new smart-meter profile begins with, from `protocol:` on: passes `profile check` and `profile test`. */
export const meterSkeleton = `protocol: smart-meter
smart-meter:
  codec: p1                        # p1 (P1, H1: text telegrams) | dlms (HAN: binary push)
  # crc: none                      # p1 of DSMR 2 and 3, which has no checksum
  # layout: obis-scaler            # dlms: obis-scaler (Aidon) | obis (Kamstrup) | list (Kaifa)
  # silentAfter: 30s               # after so long without a message the meter is unavailable
points:
  energy_import:
    title: {en: "Active energy, import", sv: "Aktiv energi, uttag"}
    at: {obis: "1-0:1.8.0", in: kWh} # the code, and the unit that the meter's number comes in
    unit: kWh
    resolution: 0.001
    kind: counter
    class: slow                    # fast | normal | slow | once: gateway.yaml says what the words mean
    personal: true                 # a load curve shows the life of a household
  voltage_l1:
    title: {en: Voltage L1, sv: Spänning L1}
    at: {obis: "1-0:32.7.0", in: V}
    unit: V
    resolution: 0.1
    range: [0, 500]                # outside it has no value
examples:                          # what the meter says, and what must come of it: run by profile test
  - name: one telegram
    given:
      rx: |
        /ABC5EXAMPLE

        1-0:1.8.0(00001234.560*kWh)
        1-0:32.7.0(230.2*V)
        !E2A0
    expect: {energy_import: 1234.56, voltage_l1: 230.2}
`;
