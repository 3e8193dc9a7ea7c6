import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseTable } from "./csv.ts";

const columns = ["gateway", "site", "token", "enrol-url"] as const;
const parse = (text: string) => parseTable(Buffer.from(text), columns, ["gateway"]);

describe("a table", () => {
  it("is read as spreadsheets write it", () => {
    const expected = [
      { number: 2, cells: { gateway: "gw-1", site: 'Slussen, "södra"' } },
      { number: 4, cells: { gateway: "gw-2", token: "abc" } },
    ];
    expect(parse('gateway,site,token\r\ngw-1,"Slussen, ""södra""",\r\n\r\ngw-2,,abc\r\n')).toEqual(expected);
    expect(parse('\uFEFFGateway;Site;--token\ngw-1;"Slussen, ""södra""";\n;;\ngw-2;;abc')).toEqual(expected);
    expect(parse("gateway\tEnrol URL\ngw-1\thttps://ca.example.org\n")).toEqual([
      { number: 2, cells: { gateway: "gw-1", "enrol-url": "https://ca.example.org" } },
    ]);
  });

  it.each([
    ["", "row 1"],
    ["site\nx", "row 1: the column gateway is missing"],
    ["gateway,sight\ngw-1,x", "row 1, column 2"],
    ["gateway,gateway\ngw-1,x", "row 1, column 2: gateway is there twice"],
    ["gateway,site\n,Slussen", "row 2, column gateway: it is empty"],
    ["gateway,site\ngw-1,a,b", "row 2: 3 cells for 2 columns"],
    ['gateway,site\ngw-1,"a', "row 2: a quote is not closed"],
    ['gateway,site\ngw-1,"a"b', "row 2, column 2: something stands behind"],
    ["gateway,site\n", "no rows"],
    ["gateway\n\u00e5".normalize(), ""],
  ])("%j is refused with row and column, or read", (text, why) => {
    if (why === "") expect(parse(text)).toHaveLength(1);
    else
      expect(() => parse(text)).toThrow(
        expect.objectContaining({ code: "bad-csv", message: expect.stringContaining(why) }),
      );
  });

  it("is refused where it is not UTF-8, as Excel writes it when it is not asked", () => {
    expect(() => parseTable(Buffer.from("gateway;site\ngw-1;S\u00f6dra", "latin1"), columns, [])).toThrow(
      /CSV UTF-8/,
    );
  });

  it("gives back every cell, whatever is in it", () => {
    const cell = fc.string().map((text) => text.replaceAll("\uFFFD", "").trim());
    fc.assert(
      fc.property(
        fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 8 }),
        fc.constantFrom(",", ";", "\t"),
        (rows, separator) => {
          const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
          const text = `gateway${separator}site\n${rows.map(([a, b]) => [quoted(`g${a}`), quoted(b)].join(separator)).join("\n")}`;
          expect(parse(text).map(({ cells }) => [cells.gateway, cells.site ?? ""])).toEqual(
            rows.map(([a, b]) => [`g${a}`, b]),
          );
        },
      ),
    );
  });

  it("never shows a value in what it says", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 60 }), (text) => {
        try {
          parse(`gateway,token\ncanary9d41"${text}`);
        } catch (error) {
          expect(String(error)).not.toContain("canary9d41");
        }
      }),
    );
  });
});
