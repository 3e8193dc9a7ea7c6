/** What a new M-Bus profile begins with, from `protocol:` on: passes `profile check` and `profile test`. */
export const mbusSkeleton = `protocol: mbus
mbus:
  telegrams: 1                     # how many the meter has; all: until it says that no more follow
  minInterval: 30s                 # a meter on a battery allows fewer readings
points:
  energy:
    title: {en: Heat energy, sv: Värmeenergi}
    at: {quantity: energy, in: kWh} # stadsnod profile probe shows what the meter has, in these words
    unit: kWh
    kind: counter
    class: {every: 1m}             # fast | normal | slow | once, or a period
  volume:
    title: {en: Volume, sv: Volym}
    at: {quantity: volume}         # beside it, where they differ: storage, tariff, subunit, function, with
    unit: m3
    kind: counter
    class: {every: 1m}
  supply_temperature:
    title: {en: Supply temperature, sv: Framledningstemperatur}
    at: {quantity: flow-temperature}
    unit: Cel
    resolution: 0.1
    range: [-50, 250]              # outside it has no value
    class: {every: 1m}
  status:
    title: {en: Status of the meter, sv: Mätarens status}
    at: {header: status}
    bits: {2: power_low, 3: permanent_error, 4: temporary_error}
    class: {every: 1m}
examples:                          # the meter's telegrams, and what must come of them: run by profile test
  - name: nominal
    given:
      rx: "68 1F 1F 68 08 01 72 78 56 34 12 43 04 01 04 01 00 00 00 04 06 22 A1 00 00 04 13 F4 2F 09 00 02 5A 0F 03 5A 16"
    expect: {energy: 41250, volume: 602.1, supply_temperature: 78.3, status/power_low: false}
`;
