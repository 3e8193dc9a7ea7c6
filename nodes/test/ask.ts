import { request } from "node:http";

/** One POST over a Unix socket, as whoever may open it. */
export function askSocket<T>(socketPath: string, path: string, body: object): Promise<T> {
  return new Promise((resolve, reject) => {
    const asked = request(
      { socketPath, path, method: "POST", headers: { "content-type": "application/json" } },
      (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => {
          text += chunk;
        });
        response.on("end", () => {
          if ((response.statusCode ?? 0) < 300) resolve(JSON.parse(text));
          else reject(new Error(text));
        });
      },
    );
    asked.on("error", reject).end(JSON.stringify(body));
  });
}
