/** Which of the console's faces is shown: arriving, sign-in, the pages. */

import { I18nProvider } from "@cloudscape-design/components/i18n";
import messages from "@cloudscape-design/components/i18n/messages/all.en";
import { useEffect, useState } from "react";
import { problemOf } from "./api/problem.ts";
import { useValue } from "./live/value.ts";
import { SignInPage } from "./pages/sign-in.tsx";
import { Shell } from "./shell.tsx";
import { Loading, ProblemAlert } from "./ui/states.tsx";
import { arrive, who } from "./who.ts";

/** The console. */
export function App() {
  return (
    <I18nProvider locale="en" messages={[messages]}>
      <Face />
    </I18nProvider>
  );
}

const AGAIN_MS = 3000;

function Face() {
  const person = useValue(who);
  const [error, setError] = useState<unknown>();
  const [attempt, setAttempt] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each attempt arrives anew
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    arrive().then(
      () => setError(undefined),
      (failure: unknown) => {
        setError(failure);
        timer = setTimeout(() => setAttempt((count) => count + 1), AGAIN_MS);
      },
    );
    return () => clearTimeout(timer);
  }, [attempt]);
  if (person === null) {
    return <SignInPage />;
  }
  if (person !== undefined) {
    return <Shell key={`${person.person.id} ${person.account.id}`} session={person} />;
  }
  return (
    <main className="alone">
      {error === undefined ? (
        <Loading />
      ) : (
        <ProblemAlert problem={problemOf(error)} retry={() => setAttempt((count) => count + 1)} />
      )}
    </main>
  );
}
