import type { App, RouteContext } from "../context.ts";
import { ApiError } from "../errors.ts";
import { deviceSummary, deviceToJson } from "../json.ts";
import { devicePath } from "../schemas.ts";

export function deviceRoutes(app: App, { surface }: RouteContext): void {
  app.get("/v1/devices", () => {
    const states = new Map(
      surface()
        .status()
        .devices.map((one) => [one.id, one]),
    );
    return surface()
      .devices()
      .map((device) => deviceSummary(device, states.get(device.id)));
  });

  app.get("/v1/devices/:device", { schema: { params: devicePath } }, ({ params }) => {
    const device = surface()
      .devices()
      .find(({ id }) => id === params.device);
    if (!device) throw new ApiError(404, "unknown-device", `no device ${params.device}`);
    return deviceToJson(
      device,
      surface()
        .status()
        .devices.find(({ id }) => id === device.id),
    );
  });
}
