// What to do about illegal material, before anything else.
export function StopCard() {
  return (
    <section class="stop" aria-labelledby="stop-title">
      <h2 id="stop-title" class="heading-l">Stop. Do not look.</h2>
      <ol>
        <li>
          <b>Do not look at the material.</b> Do not open, copy, print, photograph or send it, and do not try to find
          it. Looking at it can be a crime, for you as well.
        </li>
        <li>
          <b>Isolate the computer.</b> Unplug its network cable or switch off its Wi-Fi. Leave it switched on, do not
          use it, and let nobody else use it.
        </li>
        <li>
          <b>Call the police:</b> 101, or 999 if a child is in danger now. Follow what they say.
        </li>
        <li>
          <b>Bring in a second senior person now.</b> Never handle this alone. Two people are needed to close it.
        </li>
      </ol>
      <p>
        The host is sealed for the police. It is shown to nobody at school, at the trust or at your IT provider. Do not
        question the person before the police have advised you.
      </p>
    </section>
  );
}
