/**
 * Words after which a full stop does not end the sentence, from the Unicode Common Locale Data Repository 46.1.0 (sentence
 * break suppressions of one word, less the full stop), by language. Written by scripts/write-cldr-suppressions.mjs.
 *
 * Copyright © 2004-2024 Unicode, Inc. Used under the Unicode License V3, https://www.unicode.org/license.txt; its copyright and
 * permission notice stands in docs/unicode-license.txt.
 */
export const cldrSuppressions: Readonly<Record<string, string>> = {
  de: `
    A Abs Abt Abw Adj Adr Akt Allg Alt App Apr Art Aug Ausg Ausschl B Bed Ben Ber Best Bibl C Ca Chin Chr Co D Dat Dez Di
    Dim Dir Do Dr Dtzd Einh Erf Evtl F Fa Fam Feb Fn Folg Fr Frl G Gebr Gem Geograph Ges Gesch Ggf Hbf Hptst Hr Hrn Hrsg
    I Inc Ing Inh Int J Jahrh Jan Jr Kap Kfm Kl Konv Kop L Ltd M Max Mi Min Mind Mio Mo Mod Mrd Msp N Nov Nr O Obj Okt Op
    P PIN Pfd Phys Port Prot Proz Qu R Rd Reg Rel Rep Sa Schr Sek Sep Sept So Spezif St StR Std Str T Tel Temp Test Trans
    Tägl U Urspr Ursprüngl Verf Vgl W Wg Y Z Ztr am amtl b beil ehem eigtl einschl entspr erw ev evtl exkl frz geb gedr
    gek gesch gest ggf ggfs hpts inkl jew jhrl kath kfm kgl led mtl möbl näml od r röm s schles schweiz schwäb sog südd
    tägl u verh verw vgl z zzgl österr`,
  en: `
    A AA AB AD Abs Act Adj Adv All Alt Approx As Aug B By Cap Capt Card Col Comm Conn Cont D DC Dec Def Dept Diff Do E Ed
    Est Etc Ex Exec F Feb Fn Fri G Gb Go Hat Hz I Id In Is Jam Jan Job Joe Jun K Kb L Lev Lib Link Long Lt M MR Maj Mar
    Mart Mb Md Mgr Min Misc Mr Mrs Ms Mt Nov Nr Num O OK Ok On Op Or Org PC PP Phys Pro Prof Pvt Q Rep Rev S Sep Sept Sgt
    Sq T To U Up VS Var X Yr Z exec pp vs`,
  es: `
    AA All Ant Av Avda Bien C CA Col Comm Corp Cía D DC Da Desc Desv Dr Dra Drs Dto Dª Dña Em Emm Exc Excma Excmas Excmo
    Excmos Exma Exmas Exmo Exmos Fabric Fr Id Ilma Ilmas Ilmo Ilmos Inc K Kit Korn L Lcda Lcdo Lda Ldo Lic Ltd Ltda Ltdo
    M MM Mons Mr Mrs PP RAM Rdo Rdos Reg Rev Rol Rvdmo Rvdmos Rvdo Rvdos SA Sdad Seg Sol Sr Sra Sras Sres Srta Srtas Sta
    Sto Trab Var Vda abr afma afmas afmo afmos ago bco bol c/c cap cf cfr col depto deptos dic doc dom dpto dptos dtor ed
    ej ene feb fig figs fund hnos jue jul jun licda licdo lun mar may mié ms mss mtro nov ntra ntro oct prof prov sept
    sras sres srs ss sáb trad vid vie vs`,
  fr: `
    All C Comm D DC Desc Inc Jr L M MM Mart Op P Prof U Var W acoust adr anc ann anon append aux avr broch bull cam categ
    coll collab config dest dict dim dir doc déc encycl exempl fig févr gouv graph hôp ill illustr imm imprim indus janv
    jeu juil lun mar mer niv nov oct quart réf sam sept symb synth syst ven voit éd édit équiv éval`,
  it: `
    Cfr D DC Geom Ing L Liv Ltd Mod Sig ag all arch avv div dott dr fig int mitt on p pag rag sez tab tav ver vol`,
  pt: `
    Alm Av Dir Dr Dra Dras Drs E Est Exma Exmo Fr Ilma Ilmo Jr Ltd Ltda Mar Pe R S Sta Sto abr abrev adm aer ago agric
    anat ap apart apt arit arqueol arquit astron autom aux biogr bras cap caps cat cel cf col com comp compl cont contab
    créd cx círc cód des desc dez dipl dir div doc déb ed educ elem eletr eletrôn end eng esp ex f fac fasc fem fev ff
    fig fil filos fisiol fl fot fr fís geom gram gên hist ind ingl jan jul jun jur l lat lin lit liter long mai mar mat
    matem mov máq méd mús neol nov náut obs odont odontol org organiz out p pal pol port pp pq prod prof profa pron próx
    psicol pág quím ref rel relat rep res rod set sociol sup séc símb tec tecnol tel trad transp univ vol vs álg índ`,
  ru: `
    авг апр дек кв нояб окт отд проф руб сент тел тыс ул февр янв`,
};
