import { useEffect, useState } from "preact/hooks";
import { Refused, get, post, setCsrf, whenLoggedOut, type Me } from "./api";
import { comeBack, type Returned } from "./directory";
import { useFeed } from "./feed";
import { keepFocusNear } from "./focus";
import { useIdle } from "./idle";
import { AlertPage } from "./pages/alert";
import { AuditPage } from "./pages/audit";
import { ContactsPage } from "./pages/contacts";
import { DevicesPage } from "./pages/devices";
import { GovernorPage } from "./pages/governor";
import { NamesPage } from "./pages/names";
import { LetterPage } from "./pages/letter";
import { LogInPage } from "./pages/login";
import { NoticePage } from "./pages/notice";
import { PasswordPage } from "./pages/password";
import { OwnRecordPage } from "./pages/ownrecord";
import { PassesPage } from "./pages/passes";
import { SetUpPage } from "./pages/setup";
import { PrecisionPage } from "./pages/precision";
import { RecordsPage } from "./pages/records";
import { ReportsPage } from "./pages/reports";
import { ReviewsPage } from "./pages/reviews";
import { TodayPage } from "./pages/today";
import { Dialog } from "./parts/dialog";
import { Footer, Header } from "./parts/frame";
import { ShortcutHelp, useGlobalKeys } from "./parts/keys";
import { useNames, waitsForMe, type Names } from "./names";
import { usePath } from "./router";

export function App() {
  const [me, setMe] = useState<Me | null | undefined>(undefined);
  const [why, setWhy] = useState("");
  const [returned, setReturned] = useState<Returned | null>(null);
  const [help, setHelp] = useState(false);
  const path = usePath();

  const enter = (session: Me) => {
    setCsrf(session.csrf);
    setWhy("");
    setMe(session);
  };
  const leave = (reason: string) => {
    setCsrf("");
    setMe((old) => {
      if (old) setWhy(reason);
      return null;
    });
  };
  const idleWords = "You were logged out because nothing happened for a while. Log in to go on where you were.";

  useEffect(() => {
    whenLoggedOut(() => leave(idleWords));
    const withoutSession = (problem: unknown) => {
      if (problem instanceof Refused && problem.code === "offline") setWhy(problem.message);
      setMe(null);
    };
    comeBack().then(async (back) => {
      if (back?.me) {
        enter(back.me);
      } else if (back) {
        setReturned(back);
        setMe(null);
      } else {
        enter(await get<Me>("/api/v1/session"));
      }
    }).catch(withoutSession);
  }, []);

  const inside = !!me && !me.must_change_password && !me.must_add_code;
  const anonymous = !!me && me.may.alerts && !me.may.alert;
  const feed = useFeed(inside && me.may.alerts && !anonymous, inside && me.may.live, () => leave(idleWords));
  const names = useNames(inside && me.may.write);
  const logOut = (reason = "") => {
    post("/api/v1/logout").catch(() => {}).then(() => leave(reason));
  };
  const [left, stay] = useIdle(!!me, me?.idle_seconds ?? 600, () => logOut(idleWords));
  useGlobalKeys(inside, () => setHelp(true));
  useEffect(keepFocusNear, []);

  if (me === undefined) return <p class="loading">Loading</p>;
  if (me === null) return <LogInPage why={why} returned={returned} onIn={(session) => { setReturned(null); enter(session); }} />;

  return (
    <>
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); document.getElementById("main")?.focus(); }}>
        Skip to main content
      </a>
      <Header me={me} path={path} inside={inside} connection={feed.connection} waiting={waitsForMe(names.requests)} onLogOut={() => logOut()} />
      <main id="main" tabIndex={-1} class="width">
        {!inside || path === "/password"
          ? <PasswordPage me={me} onDone={enter} />
          : <Page path={path} me={me} anonymous={anonymous} feed={feed} names={names} />}
      </main>
      <Footer onHelp={inside ? () => setHelp(true) : undefined} />
      {help && <ShortcutHelp onClose={() => setHelp(false)} />}
      {left !== null && (
        <Dialog title="Are you still there?" onClose={stay}>
          <p>For safety you will be logged out in {left} {left === 1 ? "second" : "seconds"}.</p>
          <button class="button" onClick={stay}>Stay logged in</button>
        </Dialog>
      )}
    </>
  );
}

function Page({ path, me, anonymous, feed, names }: {
  path: string; me: Me; anonymous: boolean; feed: ReturnType<typeof useFeed>; names: Names;
}) {
  const alert = /^\/alerts\/([1-9][0-9]{0,15})$/.exec(path);
  if (alert && me.may.alert) return <AlertPage key={alert[1]} id={Number(alert[1])} me={me} feed={feed} names={names} />;
  const letter = /^\/alerts\/([1-9][0-9]{0,15})\/letter$/.exec(path);
  if (letter && me.may.write) return <LetterPage id={Number(letter[1])} />;
  if (path === "/contacts" && me.may.write) return <ContactsPage />;
  if (path === "/reports" && me.may.report) return <ReportsPage me={me} />;
  if (path === "/reviews" && me.may.reviews) return <ReviewsPage me={me} />;
  if (path === "/precision" && me.may.budget) return <PrecisionPage />;
  if (path === "/my-record" && me.may.own_record) return <OwnRecordPage />;
  if (path === "/records" && me.may.records) return <RecordsPage />;
  if (path === "/passes" && me.may.write) return <PassesPage me={me} />;
  if (path === "/names" && me.may.write) return <NamesPage names={names} />;
  if (path === "/devices" && me.may.devices) return <DevicesPage me={me} />;
  if (path === "/audit" && me.may.audit) return <AuditPage />;
  if (path === "/notice") return <NoticePage />;
  if (path === "/set-up") return <SetUpPage me={me} />;
  if (path === "/") {
    if (anonymous) return <GovernorPage />;
    if (me.may.alerts) return <TodayPage me={me} feed={feed} />;
    return me.may.audit ? <AuditPage /> : <NoticePage />;
  }
  return (
    <>
      <h1>There is nothing here</h1>
      <p>The page does not exist, or your role does not include it.</p>
    </>
  );
}
