import { useState } from "preact/hooks";
import { ApiError, post } from "../api.ts";
import { Button } from "../components/button.tsx";
import { Card, Loading } from "../components/card.tsx";
import { Dialog } from "../components/dialog.tsx";
import { ErrorBox, Notice } from "../components/error-box.tsx";
import { Choices, Field, Select } from "../components/field.tsx";
import { useAsk } from "../components/use-ask.ts";
import { tell } from "../messages.ts";
import { words } from "../text/text.ts";
import { codeWord } from "./code-word.ts";
import { WhyNotice } from "./reason.tsx";
import { updateWords } from "./update.words.ts";

type Place = "folder" | "address";

/** An update by hand: what, then a question, then it begins. */
export function InstallCard({ busy, reload }: { busy: boolean; reload: () => Promise<void> }) {
  const t = updateWords.value;
  const bundles = useAsk<readonly string[]>("/v1/update/bundles");
  const [place, setPlace] = useState<Place>("folder");
  const [chosen, setChosen] = useState<string>();
  const [address, setAddress] = useState("");
  const [hash, setHash] = useState("");
  const [asking, setAsking] = useState(false);
  const [error, setError] = useState<unknown>();

  const file = chosen ?? bundles.data?.[0];
  const url = address.trim();
  const sha256 = hash.trim().toLowerCase();
  const badUrl = url !== "" && !/^https:\/\/[^/\s]+\/\S*$/.test(url);
  const badHash = sha256 !== "" && !/^[0-9a-f]{64}$/.test(sha256);
  const what = place === "folder" ? file : url === "" || badUrl ? undefined : url;
  const ready = what !== undefined && !badHash && !busy;

  const begin = async () => {
    setAsking(false);
    try {
      await post("/v1/update/install", {
        ...(place === "folder" ? { path: file } : { url }),
        ...(sha256 === "" ? {} : { sha256 }),
      });
      setError(undefined);
      tell(t.begun);
      await reload();
    } catch (caught) {
      setError(caught);
    }
  };

  return (
    <Card title={t.install}>
      <p class="quiet">{t.installWhy}</p>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          if (ready) setAsking(true);
        }}
      >
        <Choices
          label={t.from}
          value={place}
          choose={(value) => setPlace(value === "address" ? "address" : "folder")}
          choices={[
            { value: "folder", text: t.fromFolder },
            { value: "address", text: t.fromAddress },
          ]}
        />
        {place === "folder" && bundles.loading && <Loading text={words.value.common.loading} />}
        {place === "folder" && bundles.error !== undefined && (
          <ErrorBox error={bundles.error} retry={bundles.reload} />
        )}
        {place === "folder" && bundles.data && file === undefined && (
          <Notice tone="info">
            <p>{t.noBundles}</p>
          </Notice>
        )}
        {place === "folder" && bundles.data && file !== undefined && (
          <Select
            label={t.bundle}
            value={file}
            choose={setChosen}
            choices={bundles.data.map((name) => ({ value: name, text: name }))}
          />
        )}
        {place === "address" && (
          <Field
            label={t.address}
            value={address}
            input={setAddress}
            error={badUrl ? t.addressWrong : undefined}
          />
        )}
        <Field label={t.hash} value={hash} input={setHash} error={badHash ? t.hashWrong : undefined} />
        {error !== undefined && <Refusal error={error} />}
        <div class="row">
          <Button type="submit" kind="primary" icon="upload" disabled={!ready}>
            {t.begin}
          </Button>
        </div>
      </form>
      {asking && what !== undefined && (
        <Dialog
          title={t.beginAsk(what)}
          close={() => setAsking(false)}
          actions={
            <>
              <Button press={() => setAsking(false)}>{words.value.common.cancel}</Button>
              <Button kind="primary" press={begin}>
                {t.begin}
              </Button>
            </>
          }
        >
          <p>{t.beginWhy}</p>
        </Dialog>
      )}
    </Card>
  );
}

/** In the words of updates, where they have any. */
function Refusal({ error }: { error: unknown }) {
  if (!(error instanceof ApiError) || codeWord(updateWords.value.codes, error.code) === undefined)
    return <ErrorBox error={error} />;
  return (
    <div role="alert">
      <WhyNotice tone="bad" why={error} />
    </div>
  );
}
