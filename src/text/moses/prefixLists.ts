/**
 * What this project adds to the Unicode suppressions, and leaves out of them, by language: abbreviations as grammars and
 * style guides of the language list them, sorted by kind. Those with a full stop inside (z.B.) need no entry.
 */
export interface PrefixList {
  /** Suppressions that are ordinary words as well ("Go.", "Test."), and such as the reference outputs of Moses part ("Abs."). */
  readonly leftOut: string;
  readonly always: string;
  readonly beforeNumber: string;
}

const initials = 'A B C D E F G H I J K L M N O P Q R S T U V W X Y Z';

/** Persons as English texts address them, and others that write about them. */
const englishPersons = `Mr Mrs Ms Messrs Mlle Mme MR MRS MS MM Dr Drs DR Prof Ph Hon Rt Rev Res St Sr
  Gov Sen Sens Rep Reps Supt Insp Asst Bart Msgr Surg Hosp
  Gen Maj Capt Col Lt Sgt Cpl Pvt Pfc Sfc Adm Cmdr Comdr Brig Ens Con Ord Op Adj Adv
  Bros Corp Bldg`;
const companies = 'Co Ltd Inc';

/** II to XX: rulers and centuries. */
const romanNumerals = 'II III IV VI VII VIII IX XI XII XIII XIV XV XVI XVII XVIII XIX XX';

/** "1 2 3 ...": ordinals ("am 3. Oktober"). */
const numerals = Array.from({ length: 99 }, (_, i) => i + 1).join(' ');

export const prefixLists: Readonly<Record<string, PrefixList>> = {
  en: {
    leftOut: `AA AB AD Act All Alt As By Cap Card Comm Cont DC Def Diff Do Ed Est Ex Gb Go Hat Hz Id In Is Jam Job Joe Kb Lev
      Lib Link Long Mart Mb Min OK Ok On Or PC PP Pro To Up VS Var Abs Approx Conn Etc Exec Fn Fri Md Mgr Misc Num Org
      Phys Sq Yr exec`,
    always: `${initials} ${englishPersons} Inc Ltd Assn Univ Dept Ave Blvd Mt Ft Hr Jr
      Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec v vs rev`,
    beforeNumber: 'No Nos Art Nr pp',
  },
  de: {
    leftOut: `Alt Am App Feb Fr Jan Ben Best Chin Di Do Kop Max Mi Mo Mod Obj PIN Port Rel Sa So Temp Test Trans am Abs Abw Adr Akt Apr
      Ausschl Bed Ber Bibl Dat Dim Dir Einh Erf Fa Fam Fn Folg Gem Geograph Ges Gesch Ggf Hptst Inh Int Jr Kl Konv Min
      Mind Msp Pfd Phys Prot Proz Qu Rd Reg Schr Sek Sep Spezif StR Tägl Urspr Ursprüngl Wg amtl beil eigtl erw ev gedr
      gek hpts jew jhrl kath kfm kgl led mtl möbl näml od schles schwäb südd tägl verh verw`,
    always: `${initials} ${initials.toLowerCase()} ${englishPersons} ${companies} ${numerals} ${romanNumerals} ${romanNumerals.toLowerCase()}
      Hr Hrn Frl Dipl Ing Gebr jun sen Mrd Mio Dtzd Std Ztr Tel Str Kap Bd Bde Aufl Ausg Hrsg Verf Anm Abt Hbf Buchst MwSt Jh Jahrh
      Aug Sept Okt Nov Dez
      bzw bzgl vs usw usf etc ggf ggfs vgl Vgl sog evtl Evtl Chr dgl dergl Zt zzt spp allg Allg ehem einschl zzgl inkl exkl entspr
      frz engl röm österr schweiz gest geb gesch Geschf Nachf Kfm`,
    beforeNumber: 'No Nos Art Nr pp ca Ca',
  },
  fr: {
    leftOut: `All Desc Mart Op Var cam dim jeu lun mar mer quart sam ven Comm DC Inc Jr Prof acoust adr anc anon append avr
      categ config dest encycl exempl graph illustr imprim indus symb synth équiv éval`,
    always: `${initials} ${initials.toLowerCase()} MM Mgr prof doc dir gouv masc fém sing pl
      janv févr juil sept oct nov déc
      ann apr art aux auj av boul bull broch ca cf chap coll collab contr déc dict éd édit env etc ex fasc fig hab hist hôp ibid id ill
      imm inf lib math niv pp réf sec sect suiv sup suppl syst tél trad vol vs voit`,
    beforeNumber: '',
  },
  cs: {
    leftOut: '',
    always: `Bc BcA Ing MUDr MVDr MDDr MgA Mgr JUDr PhDr PaedDr PharmDr RNDr RSDr ThDr ThLic PhMr Dr DrSc CSc DiS prof doc akad
      p r st stol č čj čp tab obr odd okr popř např tzn tzv tj tř atd atp apod aj ap resp zejm vč pozn srov
      vl voj vol vs vyd zal zast zem zkr zř roč kl
      adj adv ak alch amer anat angl anon arab arch archit astr astron aut bás bibl biol biogr bot br bulh cca cit círk čas čes čín dat děj dial
      dol dop dosl ed ekon ev event f fam fem fil fot fr franc fut fyz gen geogr geol geom germ gram hebr hist hl hor horn hovor hud chem ibid
      ind inf instr it jap kniž kol kr krit lat lid lit m maď mat mj ml mld n násl něm nepubl no nr odp opr orig os pl plk pokrač pol
      pomn port prap př přel příl pseud red rep rok roz rozš rum rus řec s samost sest sl slang slov spol sport srv subst sv šk špan švýc tech
      telev teol tis univ v vedl vulg výtv zvl ž`,
    beforeNumber: '',
  },
  es: {
    leftOut: 'AA All Ant Bien CA Comm DC Em Emm Fabric Id Kit Korn PP RAM Rol SA Seg Sol Var dom mar vie',
    always: `${initials} Sr Sra Sres Srta Srtas Sras Dr Dra Dres Dn Dña Da Ud Uds Vd Vds Excmo Excma Ilmo Ilma Lic Ldo Lda Rvdo Mons Ing Arq Prof
      Gral Cnel Cap Sta Sto Av Avda Cía Cia Ltda Ltd Inc Depto depto dpto prov admón
      ene feb abr jun jul ago sept oct nov dic
      ed etc ej fig figs cap cf cfr col trad vol vols vid vs ap apdo art adj núm núms tel p pág págs
      bco cta dcha izq esq entlo ptas cm mm km kg mg gr`,
    beforeNumber: 'No Nos Art Nr pp pag',
  },
  it: {
    leftOut: 'DC Liv Mod ver ag',
    always: `${initials} ${englishPersons} Sig Sigg Sig.ra Dott dott Dr dr Prof prof Ing ing Avv avv Arch arch Geom Rag rag On on Mons Fam Spett Gent Egr Ill Soc
      Ltd Inc Co gen feb mar apr mag giu lug ago sett ott nov dic
      Cfr cfr ca cap cit ecc es fig figg pag pagg par all art tab tav sez vol voll vs div int mitt tel
      rif ogg fatt racc corr seg segg sgg ss pp`,
    beforeNumber: 'No Nos Art Nr pp n',
  },
  nl: {
    leftOut: '',
    always: `${initials} dhr Dhr mevr Mevr mej Mej jhr jkvr kand mw Mw wed fam jr sr dr Dr drs Drs ir Ir ing Ing mr Mr prof Prof ds Ds
      gen kol kapt maj lt sgt burg plm resp excl incl inl zgn zn bc ivm evt enz etc bijv cf cfr vgl vlg vnl vs max min
      a.u.b d.i d.w.z l.s o.a p.a t.a.v
      jan febr jun jl aug sept okt nov dec
      St st str tel dept geb gebr uitg afb afd afl alg art blz bv ca ed fig hfst mln mld nl nr pag par`,
    beforeNumber: 'No Nos Nr nrs',
  },
  pt: {
    leftOut: 'Alm Mar Pe com mar pal sup',
    always: `${initials} Sr Sra Srs Sras Srta Dr Dra Drs Dras Prof Profa Eng Enga Exmo Exma Ilmo Ilma V Pe Sto Sta Av Ltda Ltd Cia Inc
      jan fev abr jun jul ago out nov dez etc ex cf fig pág págs art núm tel vol vs`,
    beforeNumber: 'No Nos Nr Art pp n',
  },
  ro: {
    leftOut: '',
    always: `${initials} dl Dl dna Dna dra Dra dnul dr Dr prof Prof ing Ing arh av conf lect acad gen col lt mr sf Sf Sfîntul
      ian feb iun iul sept oct jud mun loc reg str bl bd bul
      art alin aprox cap cca cf ed etc ex fig lit max min mil mld nr op ord pag par pct pg pl sec sect tel trad vol vs`,
    beforeNumber: 'No Nos Nr nr',
  },
  ru: {
    leftOut: '',
    always: `А Б В Г Д Е Ж З И К Л М Н О П Р С Т У Ф Х Ц Ч Ш Щ Э Ю Я ${initials} г гг в вв р руб коп тыс млн млрд трлн км кг см мм м т ц
      ч мин сек д кв корп ул пр просп пл пер наб бул обл р-н сел пос дер им гр г-н г-жа тов проф акад доц канд ген полк
      янв февр апр авг сент окт нояб дек н э с стр гл рис табл см ср др проч т.е т.д т.п изд ред сост англ нем фр лат греч тел Тел`,
    beforeNumber: '№ No Nr',
  },
};
