/**
 * Abbreviations by language. The lists are the project's own. They began with the sentence-break suppressions of Unicode
 * CLDR 46 (de, en, es, fr, it, ru; Unicode License V3, https://www.unicode.org/license.txt), left out what also ends
 * sentences ("In", "Up", "Test"), and were completed by hand. Abbreviations with a full stop inside (z.B.) need no entry.
 */
import { DataError } from '../../errors.js';
import { readTextFile } from '../../storage/textFile.js';

/** Words that a full stop follows without ending the sentence. */
export interface NonbreakingPrefixes {
  readonly always: ReadonlySet<string>;
  /** Only where a number follows: "No. 5". */
  readonly beforeNumber: ReadonlySet<string>;
}

const capitals = 'A B C D E F G H I J K L M N O P Q R S T U V W X Y Z';
const smallLetters = capitals.toLowerCase();

/** English titles and ranks, which German texts use as well. */
const titles = `Adj Adm Adv Asst Bart Bldg Brig Bros Capt Cmdr Col Comdr Con Corp Cpl DR Dr Drs Ens Gen Gov Hon Hosp Insp Lt MM MR
  MRS MS Maj Messrs Mlle Mme Mr Mrs Ms Msgr Op Ord Pfc Ph Prof Pvt Rep Reps Res Rev Rt Sen Sens Sfc Sgt Sr St Supt Surg`;

const romanNumerals = 'II III IV VI VII VIII IX XI XII XIII XIV XV XVI XVII XVIII XIX XX';

const lists: Readonly<Record<string, { readonly always: string; readonly beforeNumber: string }>> = {
  en: {
    always: `${capitals} ${titles} v vs rev Hr Mt Ft Jr Dept Univ Assn Ave Blvd Ltd Inc Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec`,
    beforeNumber: 'No Nos Art Nr pp',
  },
  de: {
    always: `${capitals} ${smallLetters} ${titles} ${romanNumerals} ${romanNumerals.toLowerCase()} ${upTo(99)}
      Mio Mrd bzw bzgl vs usw usf etc ggf ggfs vgl Vgl sog evtl Evtl Std Chr dgl dergl Co Ltd Inc jun sen Zt zzt spp Buchst MwSt Hr Hrn Fr Frl
      Dipl Ing Gebr Hrsg Jh Jahrh Kap Str Tel Ztr Dtzd Allg allg ehem einschl zzgl inkl exkl entspr frz engl röm österr schweiz gest geb gesch
      Bd Bde Aufl Ausg Verf Kfm Geschf Hbf Abt Anm Nachf Okt Dez Sept Jan Feb Aug Nov`,
    beforeNumber: 'No Nos Art Nr pp ca Ca',
  },
  fr: {
    always: `${capitals} ${smallLetters} MM Mgr ann apr art aux auj av boul bull broch ca cf chap coll collab contr dict dir doc déc éd édit env etc ex
      fasc fém fig févr gouv hab hist hôp ibid id ill imm inf janv juil lib masc math niv nov oct pl pp prof réf sec sect sept sing suiv sup
      suppl syst tél trad vol vs voit`,
    beforeNumber: '',
  },
  cs: {
    always: `Bc BcA Ing MUDr MVDr MDDr MgA Mgr JUDr PhDr PaedDr PharmDr RNDr RSDr ThDr ThLic Dr DrSc CSc DiS PhMr prof doc akad
      adj adv aj ak alch amer anat angl anon ap apod arab arch archit astr astron atd atp aut bás bibl biol biogr bot br bulh cca cit
      círk č čas čes čín čj čp dat děj dial dol dop dosl ed ekon ev event f fam fem fil fot fr franc fut fyz gen geogr geol geom germ gram
      hebr hist hl hor horn hovor hud chem ibid ind inf instr it jap kl kniž kol kr krit lat lid lit m maď mat med mj ml mld n např násl
      něm nepubl no nr obr odd odp okr opr orig os pl plk pokrač pol pomn popř port pozn prap př přel příl pseud r red rep resp roč rok
      roz rozš rum rus řec s samost sest sl slang slov spol sport srov srv st stol subst sv šk špan švýc tab tech telev teol tis tj tř
      tzn tzv univ v vč vedl vl voj vol vs vyd vulg výtv zal zast zejm zem zkr zř zvl ž`,
    beforeNumber: '',
  },
  es: {
    always: `${capitals} Sr Sra Sres Srta Srtas Sras Dr Dra Dres Drs D Dn Dña Da Ud Uds Vd Vds Excmo Excma Ilmo Ilma Lic Ldo Lda Rvdo Ing Arq Prof
      Gral Cnel Cap Mons Av Avda Av Cía Cia Ltda Ltd Inc Sta Sto dpto depto Depto ed etc ej fig figs cap cf cfr col trad vol vid vs art núm tel pág
      págs prov admón ap ene feb abr jun jul ago sept oct nov dic`,
    beforeNumber: 'No Nos Art Nr pp pag',
  },
  it: {
    always: `${capitals} Sig Sigg Sig.ra Dott dott Dr dr Prof prof Ing ing Avv avv Arch arch Geom Rag rag On on Mons Fam Spett Gent Egr Ill Cfr cfr
      ca cap cit ecc es fig figg pag pagg par all art tab tav sez vol voll vs div int mitt tel Ltd Inc Co gen feb mar apr mag giu lug ago sett ott nov dic`,
    beforeNumber: 'No Nos Art Nr pp n',
  },
  nl: {
    always: `${capitals} dhr Dhr mevr Mevr mej mw Mw dr Dr drs Drs ir Ir ing Ing mr Mr prof Prof ds Ds gen kol lt kapt maj sgt burg wed fam
      a.u.b afb afd afl alg art bc bijv blz bv ca cf cfr dec dept d.i d.w.z ed enz etc evt excl febr fig gebr geb hfst incl inl ivm jan jl jr
      jun l.s max min mln mld nl nov nr o.a okt p.a pag par plm resp sept sr St st str tel t.a.v uitg vgl vlg vnl vs zgn zn`,
    beforeNumber: 'No Nos Nr nrs',
  },
  ro: {
    always: `${capitals} dl Dl dna Dna dra Dra dnul dr Dr prof Prof ing Ing arh av conf lect gen col lt mr sf Sf Sfîntul acad
      art alin aprox bd bl bul cap cca cf ed etc ex fig ian feb iul iun jud lit loc max min mil mld mun nr oct op ord pag par pct pg pl
      reg sec sect sept str tel trad vol vs`,
    beforeNumber: 'No Nos Nr nr',
  },
  ru: {
    always: `А Б В Г Д Е Ж З И К Л М Н О П Р С Т У Ф Х Ц Ч Ш Щ Э Ю Я ${capitals} г гг в вв н э р руб коп кг км мм см м т ц ч мин сек тыс млн млрд трлн
      ул пр просп пл пер наб бул д кв корп стр с гл рис табл см ср т.е т.д т.п др проч пр г-н г-жа гр тов акад доц проф канд ген полк
      им обл р-н сел пос дер янв февр апр авг сент окт нояб дек англ нем фр лат греч изд ред сост пер Тел тел`,
    beforeNumber: '№ No Nr',
  },
};

/** The list for a language; empty for languages without one. */
export function nonbreakingPrefixes(language: string): NonbreakingPrefixes {
  const { always, beforeNumber } = lists[language] ?? { always: '', beforeNumber: '' };
  return { always: wordSet(always), beforeNumber: wordSet(beforeNumber) };
}

/**
 * Reads a list in Moses' format: one abbreviation per line without its full stop, `#NUMERIC_ONLY#` after those that
 * hold only before numbers, comments from `#`.
 */
export function readNonbreakingPrefixes(path: string): NonbreakingPrefixes {
  return parseNonbreakingPrefixes(readTextFile(path, 'list of non-breaking prefixes'), path);
}

/** See `readNonbreakingPrefixes`. @throws DataError naming a line with more than one word */
export function parseNonbreakingPrefixes(text: string, name: string): NonbreakingPrefixes {
  const prefixes = { always: new Set<string>(), beforeNumber: new Set<string>() };
  text.split('\n').forEach((line, index) => {
    if (line.startsWith('#') || line.trim() === '') return;
    const numeric = /^(.*?)\s+#NUMERIC_ONLY#/.exec(line);
    const word = (numeric ? numeric[1] : line.replace(/\s#.*$/, '')).trim();
    if (/\s/.test(word)) throw new DataError(`${name}:${index + 1}: expected one abbreviation, found ${JSON.stringify(line.slice(0, 80))}.`);
    prefixes[numeric ? 'beforeNumber' : 'always'].add(word);
  });
  return prefixes;
}

function wordSet(words: string): Set<string> {
  return new Set(words.split(/\s+/).filter((word) => word !== ''));
}

/** "1 2 3 ...": German ordinals ("am 3. Oktober"). */
function upTo(last: number): string {
  return Array.from({ length: last }, (_, i) => i + 1).join(' ');
}
