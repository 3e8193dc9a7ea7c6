/** What a new serial-line profile begins with, from `protocol:` on: passes `profile check` and `profile test`. */
export const lineSkeleton = `protocol: serial-line
serial-line:
  terminator: [crlf]               # what ends a line: cr | lf | crlf | etx, or text; or length: 12; or silence: 50ms
  silentAfter: 30s                 # after so long without a line the device is unavailable
  messages:                        # the form of each line: {name:number} integer hex word text time; [...] may be missing; {_*} all that follows
    weather: {match: "T={temperature:number}C RH={humidity:number}%"}
    info:                          # a line that is asked for
      request: "INFO\\\\r\\\\n"
      match: "SN {serial:word}"
      timeout: 500ms
points:
  air_temperature:
    title: {en: Air temperature, sv: Lufttemperatur}
    at: {message: weather, field: temperature}
    unit: Cel                      # SenML units: m Cel m/s deg hPa mm %RH V ...
    resolution: 0.1                # smallest step that means something
    range: [-50, 60]               # outside it has no value
    doc: p. 1                      # where the manual says so
  humidity:
    title: {en: Relative humidity, sv: Relativ luftfuktighet}
    at: {message: weather, field: humidity}
    unit: "%RH"
    resolution: 1
    range: [0, 100]
  serial_number:
    title: {en: Serial number, sv: Serienummer}
    at: {message: info, field: serial}
    class: once                    # fast | normal | slow | once: gateway.yaml says what the words mean
examples:                          # what the device says, and what must come of it: run by profile test
  - name: a line that comes by itself
    given: {rx: 'T=21.4C RH=48%\\r\\n'}
    expect: {air_temperature: 21.4, humidity: 48}
  - name: a line that is asked for
    given: {exchange: [{">": 'INFO\\r\\n', "<": 'SN A1234\\r\\n'}]}
    expect: {serial_number: A1234}
`;
