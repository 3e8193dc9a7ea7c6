import { useState } from "preact/hooks";
import { ApiError, loginNeeded } from "../api.ts";
import { Button } from "../components/button.tsx";
import { Card } from "../components/card.tsx";
import { ErrorBox, Notice } from "../components/error-box.tsx";
import { Field } from "../components/field.tsx";
import { Preferences } from "../components/preferences.tsx";
import { tell } from "../messages.ts";
import { changePassword, logIn, logOut, session } from "../session.ts";
import { words } from "../text/text.ts";

const shortest = 10;

/** Sends a form once at a time and keeps its error. */
function useSending(send: () => Promise<void>) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const submit = async (event: Event) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setError(undefined);
    try {
      await send();
    } catch (caught) {
      setError(caught);
    } finally {
      setBusy(false);
    }
  };
  return { busy, error, submit: (event: Event) => void submit(event) };
}

export function Login() {
  const { login } = words.value;
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const { busy, error, submit } = useSending(() => logIn(user.trim(), password));
  document.title = `${login.title} · ${words.value.name}`;
  return (
    <main class="alone" id="content">
      <h1>{words.value.name}</h1>
      <Card title={login.title}>
        {loginNeeded.value && !error && session.value === null && <p>{login.ended}</p>}
        <form class="form" onSubmit={submit}>
          <Field label={login.user} value={user} input={setUser} autocomplete="username" required />
          <Field
            label={login.password}
            type="password"
            value={password}
            input={setPassword}
            autocomplete="current-password"
            required
          />
          {error !== undefined && <ErrorBox error={error} />}
          <Button type="submit" kind="primary" busy={busy}>
            {login.submit}
          </Button>
        </form>
        <p class="quiet">{login.first}</p>
      </Card>
      <Preferences />
    </main>
  );
}

/** A password that somebody else gave opens nothing until it is changed. */
export function ForcedPasswordChange() {
  const { login } = words.value;
  document.title = `${login.changeTitle} · ${words.value.name}`;
  return (
    <main class="alone" id="content">
      <h1>{login.changeTitle}</h1>
      <Card>
        <Notice tone="info">
          <p>{login.changeWhy}</p>
        </Notice>
        <PasswordForm />
      </Card>
      <Button kind="quiet" press={logOut}>
        {login.out}
      </Button>
      <Preferences />
    </main>
  );
}

export function PasswordForm({ done }: { done?: () => void }) {
  const { login } = words.value;
  const [old, setOld] = useState("");
  const [chosen, setChosen] = useState("");
  const [again, setAgain] = useState("");
  const [looked, setLooked] = useState(false);
  const short = chosen.length < shortest ? login.tooShort : undefined;
  const differ = again !== chosen ? login.differ : undefined;
  const { busy, error, submit } = useSending(async () => {
    setLooked(true);
    if (short || differ) return;
    await changePassword(old, chosen);
    tell(login.changed);
    done?.();
  });
  const wrongOld = error instanceof ApiError && error.code === "wrong-login" ? error.message : undefined;
  return (
    <form class="form" onSubmit={submit}>
      <Field
        label={login.old}
        type="password"
        value={old}
        input={setOld}
        autocomplete="current-password"
        required
        error={wrongOld}
      />
      <Field
        label={login.chosen}
        type="password"
        value={chosen}
        input={setChosen}
        autocomplete="new-password"
        required
        hint={login.chosenHint}
        error={looked ? short : undefined}
      />
      <Field
        label={login.again}
        type="password"
        value={again}
        input={setAgain}
        autocomplete="new-password"
        required
        error={looked ? differ : undefined}
      />
      {error !== undefined && !wrongOld && <ErrorBox error={error} />}
      <Button type="submit" kind="primary" busy={busy}>
        {login.change}
      </Button>
    </form>
  );
}
