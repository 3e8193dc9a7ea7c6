import { useState } from "preact/hooks";
import { at, post, remove } from "../api.ts";
import { Badge } from "../components/badge.tsx";
import { Button } from "../components/button.tsx";
import { Card, Empty, Loading } from "../components/card.tsx";
import { Dialog } from "../components/dialog.tsx";
import { ErrorBox, Notice } from "../components/error-box.tsx";
import { Field, Select } from "../components/field.tsx";
import { Page } from "../components/page.tsx";
import { Table } from "../components/table.tsx";
import { useAsk } from "../components/use-ask.ts";
import { tell } from "../messages.ts";
import type { PageRoute } from "../routes.ts";
import { session } from "../session.ts";
import { words } from "../text/text.ts";
import type { Role, TokenJson, UserJson } from "../types.ts";
import { adminWords } from "./admin.words.ts";
import { commandWords } from "./commands.words.ts";

export const usersRoute: PageRoute = {
  path: "users",
  title: ({ pages }) => pages.users,
  icon: "people",
  needs: "admin",
  page: Users,
};

const roles: readonly Role[] = ["viewer", "technician", "operator", "admin"];
const priorities = ["automation", "schedule", "operator"] as const;

interface Secret {
  readonly title: string;
  readonly text: string;
}

/** What is asked before it is done. */
interface Question {
  readonly text: string;
  readonly word: string;
  readonly act: () => Promise<void>;
}

function Users() {
  const [secret, setSecret] = useState<Secret>();
  const [question, setQuestion] = useState<Question>();
  return (
    <Page title={words.value.pages.users}>
      <People show={setSecret} ask={setQuestion} />
      <Tokens show={setSecret} ask={setQuestion} />
      {secret && <ShowSecret secret={secret} close={() => setSecret(undefined)} />}
      {question && (
        <Dialog
          title={question.text}
          close={() => setQuestion(undefined)}
          actions={
            <>
              <Button press={() => setQuestion(undefined)}>{words.value.common.cancel}</Button>
              <Button
                kind="danger"
                press={async () => {
                  await question.act();
                  setQuestion(undefined);
                }}
              >
                {question.word}
              </Button>
            </>
          }
        >
          <p class="hidden">{question.text}</p>
        </Dialog>
      )}
    </Page>
  );
}

function ShowSecret({ secret, close }: { secret: Secret; close: () => void }) {
  const t = adminWords.value;
  const { common } = words.value;
  return (
    <Dialog
      title={t.secretTitle}
      close={close}
      actions={
        <>
          <Button
            press={async () => {
              await navigator.clipboard.writeText(secret.text);
              tell(common.copied);
            }}
          >
            {common.copy}
          </Button>
          <Button kind="primary" press={close}>
            {common.close}
          </Button>
        </>
      }
    >
      <p>
        <strong>{secret.title}</strong>
      </p>
      <p class="secret">{secret.text}</p>
      <Notice tone="warn">
        <p>{t.secretWhy}</p>
      </Notice>
    </Dialog>
  );
}

interface Shows {
  readonly show: (secret: Secret) => void;
  readonly ask: (question: Question) => void;
}

function People({ show, ask }: Shows) {
  const t = adminWords.value;
  const { common, roles: roleNames } = words.value;
  const users = useAsk<readonly UserJson[]>("/v1/users");
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("technician");
  const [error, setError] = useState<unknown>();
  const add = async () => {
    try {
      const made = await post<UserJson>("/v1/users", { name: name.trim(), role });
      setName("");
      setError(undefined);
      await users.reload();
      if (made.password) show({ title: t.passwordOf(made.name), text: made.password });
    } catch (caught) {
      setError(caught);
    }
  };
  return (
    <Card title={t.people}>
      <p class="quiet">{t.peopleWhy}</p>
      {users.error !== undefined && <ErrorBox error={users.error} retry={users.reload} />}
      {users.loading && <Loading text={common.loading} />}
      {users.data && (
        <Table
          caption={t.people}
          rows={users.data}
          keyOf={(user) => user.name}
          columns={[
            {
              name: t.userName,
              head: true,
              cell: (user) => (user.name === session.value?.user ? `${user.name} (${t.you})` : user.name),
            },
            { name: t.role, cell: (user) => roleNames[user.role] },
            {
              name: words.value.login.password,
              cell: ({ mustChange }) =>
                mustChange ? <Badge tone="warn" text={t.mustChange} /> : <Badge tone="good" text={t.inUse} />,
            },
            {
              name: "",
              cell: (user) =>
                user.name === session.value?.user ? null : (
                  <span class="row">
                    <Button
                      label={`${t.reset}: ${user.name}`}
                      press={() =>
                        ask({
                          text: t.resetAsk(user.name),
                          word: t.reset,
                          act: async () => {
                            const given = await post<{ password?: string }>(
                              at`/v1/users/${user.name}/password`,
                            );
                            await users.reload();
                            if (given.password)
                              show({ title: t.passwordOf(user.name), text: given.password });
                          },
                        })
                      }
                    >
                      {t.reset}
                    </Button>
                    <Button
                      kind="danger"
                      label={`${common.remove}: ${user.name}`}
                      press={() =>
                        ask({
                          text: t.removeAsk(user.name),
                          word: common.remove,
                          act: async () => {
                            await remove(at`/v1/users/${user.name}`);
                            tell(t.removed(user.name));
                            await users.reload();
                          },
                        })
                      }
                    >
                      {common.remove}
                    </Button>
                  </span>
                ),
            },
          ]}
        />
      )}
      <h3>{t.addUser}</h3>
      <form class="filters" onSubmit={(event) => event.preventDefault()}>
        <Field label={t.userName} value={name} input={setName} />
        <Select
          label={t.role}
          value={role}
          choose={(value) => setRole(roles.find((one) => one === value) ?? "viewer")}
          choices={roles.map((value) => ({ value, text: `${roleNames[value]}: ${t.roleWords[value]}` }))}
        />
        <Button kind="primary" disabled={name.trim() === ""} press={add}>
          {common.add}
        </Button>
      </form>
      {error !== undefined && <ErrorBox error={error} />}
    </Card>
  );
}

function Tokens({ show, ask }: Shows) {
  const t = adminWords.value;
  const { common, roles: roleNames } = words.value;
  const names = commandWords.value.priorities;
  const tokens = useAsk<readonly TokenJson[]>("/v1/tokens");
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("operator");
  const [priority, setPriority] = useState<(typeof priorities)[number]>("automation");
  const [error, setError] = useState<unknown>();
  const add = async () => {
    try {
      const made = await post<TokenJson>("/v1/tokens", { name: name.trim(), role, priority });
      setName("");
      setError(undefined);
      await tokens.reload();
      if (made.secret) show({ title: t.secretOf(made.name), text: made.secret });
    } catch (caught) {
      setError(caught);
    }
  };
  return (
    <Card title={t.machines}>
      <p class="quiet">{t.machinesWhy}</p>
      {tokens.error !== undefined && <ErrorBox error={tokens.error} retry={tokens.reload} />}
      {tokens.data?.length === 0 && <Empty text={t.noTokens} />}
      {tokens.data && tokens.data.length > 0 && (
        <Table
          caption={t.machines}
          rows={tokens.data}
          keyOf={(token) => token.name}
          columns={[
            { name: t.tokenName, head: true, cell: (token) => token.name },
            { name: t.role, cell: (token) => roleNames[token.role] },
            { name: t.priority, cell: (token) => names[token.priority] },
            { name: t.madeBy, cell: ({ by }) => by },
            {
              name: "",
              cell: (token) => (
                <Button
                  kind="danger"
                  label={`${common.remove}: ${token.name}`}
                  press={() =>
                    ask({
                      text: t.removeAsk(token.name),
                      word: common.remove,
                      act: async () => {
                        await remove(at`/v1/tokens/${token.name}`);
                        tell(t.removed(token.name));
                        await tokens.reload();
                      },
                    })
                  }
                >
                  {common.remove}
                </Button>
              ),
            },
          ]}
        />
      )}
      <h3>{t.addToken}</h3>
      <form class="filters" onSubmit={(event) => event.preventDefault()}>
        <Field label={t.tokenName} value={name} input={setName} />
        <Select
          label={t.role}
          value={role}
          choose={(value) => setRole(roles.find((one) => one === value) ?? "viewer")}
          choices={roles.map((value) => ({ value, text: roleNames[value] }))}
        />
        <Select
          label={t.priority}
          value={priority}
          choose={(value) => setPriority(priorities.find((one) => one === value) ?? "automation")}
          choices={priorities.map((value) => ({ value, text: names[value] }))}
        />
        <Button kind="primary" disabled={name.trim() === ""} press={add}>
          {common.add}
        </Button>
      </form>
      {error !== undefined && <ErrorBox error={error} />}
    </Card>
  );
}
