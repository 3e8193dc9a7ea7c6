/** What a new profile begins with. */
export const skeleton = `protocol: lorawan

lorawan:
  # The maker's payload description as a layout: fields in their order, or ports with fields each.
  payload:
    endian: big
    fields:
      - {name: temperature, type: s16, div: 10}
      - {name: humidity, type: u8}
  missing: {uplinkWithin: 26h}

points:
  temperature:
    at: {field: temperature}
    unit: Cel
  humidity:
    at: {field: humidity}
    unit: "%RH"
  rssi:
    at: {link: rssi}
    unit: dBm

examples:
  # From the maker's document, or from the event log of the network server.
  - given: {payload: "00 d7 2d", fPort: 1}
    expect: {temperature: 21.5, humidity: 45}
`;
