/** What a new NMEA profile begins with, from `protocol:` on: passes `profile check` and `profile test`. */
export const nmeaSkeleton = `protocol: nmea
nmea:
  silentAfter: 30s                 # after so long without a word the device is unavailable
  # checksum: optional             # only for instruments that send none
points:
  wind_speed:
    title: {en: Wind speed, sv: Vindhastighet}
    at: {sentence: MWV, field: speed_true} # known sentences have names for their fields, in base units
    unit: m/s
    resolution: 0.1                # smallest step that means something
    range: [0, 75]                 # outside it has no value
  wind_direction:
    title: {en: Wind direction, sv: Vindriktning}
    at: {sentence: MWV, field: angle_true}
    unit: deg
    range: [0, 360]
    resolution: 0.1
  satellites:
    title: {en: Satellites in use, sv: Satelliter i bruk}
    at: {sentence: GGA, field: 7, type: integer} # any sentence: the number of the field, from 1
    unit: count
    class: slow                    # fast | normal | slow | once: gateway.yaml says what the words mean
examples:                          # what the device says, and what must come of it: run by profile test
  - name: a light wind
    given:
      rx:
        - "$WIMWV,214.8,T,3.6,M,A*2C"
        - "$GPGGA,120000.00,5919.7600,N,01804.1200,E,1,09,0.9,28.0,M,24.1,M,,*59"
    expect: {wind_speed: 3.6, wind_direction: 214.8, satellites: 9}
`;
