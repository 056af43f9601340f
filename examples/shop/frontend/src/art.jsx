/** The products' pictures: drawn here, so the page asks no other site for anything. */

const INK = '#1d3a4f';
const SEA = '#2f7aa8';
const SKY = '#9fd0e6';
const SAND = '#f2d9a6';
const CORAL = '#ef7f5f';
const SUN = '#f5b942';
const LEAF = '#4f9d69';
const FOAM = '#fffaf0';
const WOOD = '#b9794a';

const PICTURES = {
  mug: (
    <>
      <path d="M42 26c-4 5 4 7 0 13M54 22c-4 6 4 9 0 17M66 26c-4 5 4 7 0 13" stroke={SKY} strokeWidth="4" />
      <path d="M80 56h9a13 13 0 0 1 0 26h-9" stroke={INK} strokeWidth="6" />
      <path d="M26 48h56v34a16 16 0 0 1-16 16H42a16 16 0 0 1-16-16z" fill={SEA} />
      <path d="M26 60c9-7 19 7 28 0s19 7 28 0v11c-9 7-19-7-28 0s-19-7-28 0z" fill={FOAM} />
    </>
  ),
  lamp: (
    <>
      <path d="M54 58 26 104h66L74 54z" fill={SUN} opacity=".35" />
      <path d="M34 100V66l20-30" stroke={INK} strokeWidth="5" />
      <circle cx="34" cy="66" r="5" fill={CORAL} />
      <path d="M48 22 88 44 74 58 42 42z" fill={CORAL} />
      <circle cx="63" cy="54" r="7" fill={SUN} />
      <rect x="18" y="98" width="34" height="8" rx="4" fill={INK} />
    </>
  ),
  notebook: (
    <>
      <rect x="32" y="20" width="58" height="80" rx="6" fill={CORAL} />
      <path d="M32 26a6 6 0 0 1 6-6h8v80h-8a6 6 0 0 1-6-6z" fill={INK} />
      <rect x="54" y="34" width="28" height="20" rx="3" fill={FOAM} />
      <path d="M59 41h18M59 47h11" stroke={INK} strokeWidth="2.5" />
      <path d="M76 100v12l-5-4-5 4v-12z" fill={SUN} />
    </>
  ),
  backpack: (
    <>
      <path d="M46 28a14 14 0 0 1 28 0" stroke={INK} strokeWidth="6" />
      <path d="M30 56a30 30 0 0 1 60 0v40a8 8 0 0 1-8 8H38a8 8 0 0 1-8-8z" fill={LEAF} />
      <path d="M22 68h10v28h-6a4 4 0 0 1-4-4zM88 68h10v24a4 4 0 0 1-4 4h-6z" fill={INK} />
      <rect x="40" y="68" width="40" height="26" rx="5" fill={SAND} />
      <path d="M40 77h40" stroke={INK} strokeWidth="3" />
      <path d="M46 48h28" stroke={FOAM} strokeWidth="4" />
    </>
  ),
  plant: (
    <>
      <path d="M60 74V36M60 72C44 72 34 62 32 44c16 0 27 10 28 28zM60 66c15-1 25-11 26-28-15 0-25 11-26 28z" fill={LEAF} stroke={INK} strokeWidth="2.5" />
      <path d="M60 50c-9-5-12-16-6-28 10 6 12 18 6 28z" fill="#7cc08f" stroke={INK} strokeWidth="2.5" />
      <path d="M38 74h44l-5 28a6 6 0 0 1-6 5H49a6 6 0 0 1-6-5z" fill={CORAL} />
      <rect x="34" y="70" width="52" height="11" rx="4" fill={WOOD} />
    </>
  ),
  clock: (
    <>
      <path d="m38 92-8 14M82 92l8 14" stroke={INK} strokeWidth="6" />
      <circle cx="60" cy="60" r="40" fill={SEA} />
      <circle cx="60" cy="60" r="31" fill={FOAM} />
      <path d="M29 66c10-7 20 7 31 0s21 7 31 0a31 31 0 0 1-62 0z" fill={SKY} />
      <path d="M60 40v20l14 9" stroke={INK} strokeWidth="5" />
      <circle cx="60" cy="60" r="4" fill={CORAL} />
    </>
  ),
  headset: (
    <>
      <path d="M26 74V62a34 34 0 0 1 68 0v12" stroke={INK} strokeWidth="7" />
      <rect x="18" y="66" width="20" height="34" rx="9" fill={CORAL} />
      <rect x="82" y="66" width="20" height="34" rx="9" fill={CORAL} />
      <path d="M50 76v14M60 70v26M70 76v14" stroke={SEA} strokeWidth="5" />
    </>
  ),
  teapot: (
    <>
      <path d="M84 58c16-2 20 22 2 28" stroke={INK} strokeWidth="6" />
      <path d="M34 82C22 78 26 58 14 54l-2 7c6 8 4 24 18 30z" fill={SUN} />
      <path d="M30 72c0-16 13-26 30-26s30 10 30 26-12 28-30 28-30-12-30-28z" fill={SUN} />
      <path d="M40 50a20 10 0 0 1 40 0z" fill={INK} />
      <circle cx="60" cy="36" r="5" fill={CORAL} />
      <path d="M31 76c10-6 19 6 29 0s19 6 29 0" stroke={FOAM} strokeWidth="5" />
    </>
  ),
  compass: (
    <>
      <circle cx="60" cy="22" r="8" stroke={WOOD} strokeWidth="5" />
      <circle cx="60" cy="66" r="38" fill={SUN} />
      <circle cx="60" cy="66" r="29" fill={FOAM} />
      <path d="M60 41v5M60 86v5M35 66h5M80 66h5" stroke={INK} strokeWidth="3" />
      <path d="m76 50-9 23-14-14z" fill={CORAL} />
      <path d="m44 82 9-23 14 14z" fill={SEA} />
      <circle cx="60" cy="66" r="3" fill={FOAM} />
    </>
  ),
  kite: (
    <>
      <path d="M64 16 92 48 58 86 34 42z" fill={CORAL} />
      <path d="M64 16 34 42l29 6zM63 48l29 0-34 38z" fill={SUN} />
      <path d="M64 16 58 86M34 42l58 6" stroke={INK} strokeWidth="2.5" />
      <path d="M58 86c-10 4 2 10-8 14s-2 8-14 8" stroke={INK} strokeWidth="3" />
      <path d="m46 92 10 2-6 8zM34 102l9 4-8 6z" fill={SEA} />
    </>
  ),
  candle: (
    <>
      <circle cx="60" cy="36" r="24" fill={SUN} opacity=".3" />
      <path d="M60 16c10 12 12 18 8 26a9 9 0 0 1-16 0c-4-8 0-14 8-26z" fill={SUN} />
      <path d="M60 30c4 6 5 9 3 13a4 4 0 0 1-6 0c-2-4-1-7 3-13z" fill={CORAL} />
      <path d="M60 46v12" stroke={INK} strokeWidth="3" />
      <path d="M40 58c8-4 32-4 40 0v40H40z" fill={FOAM} />
      <path d="M40 60c6 14 10 2 14 12s8 2 12-4 10 2 14-8v38H40z" fill={SAND} />
      <path d="M30 96h60l-6 10H36z" fill={INK} />
    </>
  ),
  boat: (
    <>
      <path d="M66 20c8-6 10 2 18-3M64 30V20" stroke={SKY} strokeWidth="4" />
      <rect x="58" y="28" width="14" height="22" fill={INK} />
      <rect x="58" y="34" width="14" height="6" fill={CORAL} />
      <rect x="40" y="48" width="44" height="24" rx="3" fill={FOAM} stroke={INK} strokeWidth="2.5" />
      <circle cx="52" cy="60" r="5" fill={SKY} stroke={INK} strokeWidth="2.5" />
      <circle cx="71" cy="60" r="5" fill={SKY} stroke={INK} strokeWidth="2.5" />
      <path d="M16 70h88l-10 24a8 8 0 0 1-7 5H36a10 10 0 0 1-9-6z" fill={CORAL} />
      <path d="M20 79h80" stroke={FOAM} strokeWidth="4" />
      <path d="M8 100c9-7 17 7 26 0s17 7 26 0 17 7 26 0 17 7 26 0v10H8z" fill={SEA} />
    </>
  ),
};

export function Picture({ art }) {
  return (
    <svg className="picture" viewBox="0 0 120 120" fill="none" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true">
      {PICTURES[art] ?? <rect x="32" y="32" width="56" height="56" rx="12" fill={SEA} />}
    </svg>
  );
}
