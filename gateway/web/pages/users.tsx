import { useState } from "preact/hooks";
import { Button } from "../components/button.tsx";
import { Dialog } from "../components/dialog.tsx";
import { Notice } from "../components/error-box.tsx";
import { Page } from "../components/page.tsx";
import { tell } from "../messages.ts";
import type { PageRoute } from "../routes.ts";
import { words } from "../text/text.ts";
import { adminWords } from "./admin.words.ts";
import { People } from "./users-people.tsx";
import type { Question, Secret } from "./users-shared.ts";
import { Tokens } from "./users-tokens.tsx";

export const usersRoute: PageRoute = {
  path: "users",
  title: ({ pages }) => pages.users,
  icon: "people",
  needs: "admin",
  page: Users,
};

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
