import { useState } from "preact/hooks";
import { at, post, remove } from "../api.ts";
import { Button } from "../components/button.tsx";
import { Card, Empty } from "../components/card.tsx";
import { ErrorBox } from "../components/error-box.tsx";
import { Field, Select } from "../components/field.tsx";
import { Table } from "../components/table.tsx";
import { useAsk } from "../components/use-ask.ts";
import { tell } from "../messages.ts";
import { words } from "../text/text.ts";
import type { Role, TokenJson } from "../types.ts";
import { adminWords } from "./admin.words.ts";
import { commandWords } from "./commands.words.ts";
import { roles, type Shows } from "./users-shared.ts";

const priorities = ["automation", "schedule", "operator"] as const;

export function Tokens({ show, ask }: Shows) {
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
