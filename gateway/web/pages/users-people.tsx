import { useState } from "preact/hooks";
import { at, post, remove } from "../api.ts";
import { Badge } from "../components/badge.tsx";
import { Button } from "../components/button.tsx";
import { Card, Loading } from "../components/card.tsx";
import { ErrorBox } from "../components/error-box.tsx";
import { Field, Select } from "../components/field.tsx";
import { Table } from "../components/table.tsx";
import { useAsk } from "../components/use-ask.ts";
import { tell } from "../messages.ts";
import { session } from "../session.ts";
import { words } from "../text/text.ts";
import type { Role, UserJson } from "../types.ts";
import { adminWords } from "./admin.words.ts";
import { roles, type Shows } from "./users-shared.ts";

export function People({ show, ask }: Shows) {
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
