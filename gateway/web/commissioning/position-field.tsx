import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ask } from "../api.ts";
import { Button } from "../components/button.tsx";
import { Field } from "../components/field.tsx";
import type { ReadingJson } from "../types.ts";
import { gnssPosition, positionText } from "./draft.ts";
import { status } from "./store.ts";
import { words } from "./words.ts";

const patienceMs = 20_000;
const coarseM = 100;

/** Where a device is: by hand, from the phone, from the gateway's receiver, or where the gateway is. */
export function PositionField({
  value,
  input,
  problem,
}: {
  value: string;
  input: (text: string) => void;
  problem: string | undefined;
}) {
  const text = words().devices;
  const said = useSignal("");
  const gnss = useSignal<{ lat: number; lon: number } | undefined>(undefined);
  useEffect(() => {
    ask<readonly ReadingJson[]>("/v1/latest").then(
      (readings) => {
        gnss.value = gnssPosition(readings);
      },
      // Without it there is one button less.
      () => {},
    );
  }, []);
  const home = status.value?.position;
  const byPhone = async () => {
    said.value = text.locating;
    const found = await phonePosition();
    if (typeof found === "string") {
      said.value = text[found];
      return;
    }
    input(positionText({ lat: found.latitude, lon: found.longitude }));
    const accurate = text.accuracy(Math.round(found.accuracy));
    said.value = found.accuracy > coarseM ? `${accurate}. ${text.coarse}` : accurate;
  };
  return (
    <>
      <Field
        label={text.position}
        hint={text.positionHint}
        value={value}
        input={(typed) => {
          said.value = "";
          input(typed);
        }}
        error={problem}
      />
      <div class="wz-buttons">
        <Button press={byPhone}>{text.byPhone}</Button>
        {gnss.value && (
          <Button press={() => input(positionText(gnss.value ?? { lat: 0, lon: 0 }))}>{text.byGnss}</Button>
        )}
        {home && <Button press={() => input(positionText(home))}>{text.byGateway}</Button>}
      </div>
      <p role="status" class="wz-said">
        {said.value}
      </p>
    </>
  );
}

type Failure = "phoneRefused" | "phoneUnavailable" | "phoneTimeout" | "phoneMissing";

function phonePosition(): Promise<GeolocationCoordinates | Failure> {
  // Absent where the page did not come over HTTPS.
  if (!("geolocation" in navigator)) return Promise.resolve("phoneMissing");
  return new Promise((resolve) => {
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => resolve(coords),
      ({ code, PERMISSION_DENIED, TIMEOUT }) =>
        resolve(
          code === PERMISSION_DENIED
            ? "phoneRefused"
            : code === TIMEOUT
              ? "phoneTimeout"
              : "phoneUnavailable",
        ),
      { enableHighAccuracy: true, timeout: patienceMs, maximumAge: 0 },
    );
  });
}
